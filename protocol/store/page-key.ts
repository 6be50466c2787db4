/**
 * What a request target says about its page: the URL, and the templates it is likely made from. Two pages that share a
 * template probably share most of their bytes, so one is a good base for the other. Guessed from the shape of the URL
 * alone: a wrong guess costs a less useful base, never a wrong page. Pure, and bounded in size whatever the target.
 *
 * Templates, from the most specific to the most general:
 *   1. the path with its varying parts replaced (`#` digits, `*` words) and the names of the query, without values
 *   2. the section: the first segment with a slash behind it, and anything below it
 *   3. the site: all pages of one kind of content (html, json, xml, ...)
 * `/article/123-some-slug?page=2` gives `html /article/*?page`, `html /article/**` and `html **`. The
 * space makes sure that no template is ever taken for a request target.
 */

export interface PageKey {
  /** The request target, byte for byte. */
  readonly url: string;
  /** Most specific first; none for targets that name no page (`*`). */
  readonly templates: readonly string[];
  /** Of data (JSON, feeds): the template of all pages of its site, which show it. */
  readonly showing?: string | undefined;
}

/** Deeper paths and longer queries are cut for the template, which stays a key of some hundred bytes. @internal */
export const MOST_SEGMENTS = 8;
/** @internal */
export const MOST_QUERY_NAMES = 8;
/** A longer segment or query name is taken for content, not structure. @internal */
export const MOST_PART_CHARS = 24;

/** Whether what versions are listed under is a template, and no URL, nor the name of a common base. */
export const isTemplate = (key: string): boolean => key.indexOf(" ") > 0;

/** All pages of one kind of content. */
const siteOf = (kind: string): string => `${kind} **`;

/** Of data, which pages are made of and fetch. */
const DATA: ReadonlySet<string> = new Set(["json", "xml"]);

const DIGITS = /^\d+$/;
const HAS_DIGIT = /\d/;
const API_VERSION = /^v\d{1,2}$/;
/** Words that are joined or escaped: a title, not a folder. */
const SLUG = /[-_+%~,]/;
const LONG_SLUG = /[-_+%~,].*[-_+%~,]/;
const EXTENSION = /\.([a-z][a-z0-9]{0,5})$/i;

const KINDS = new Map([
  ...["html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "do", "cgi", "pl"].map(
    (extension) => [extension, "html"] as const,
  ),
  ...["xml", "rss", "atom", "rdf"].map((extension) => [extension, "xml"] as const),
  ...["json", "geojson", "jsonld"].map((extension) => [extension, "json"] as const),
]);
/** A program's own name is structure, as in `/viewtopic.php?t=7`; a document's name is content. */
const PROGRAMS = new Set(["php", "asp", "aspx", "jsp", "do", "cgi", "pl"]);
const API_SEGMENTS = new Set(["api", "wp-json", "graphql", "rest", "ajax"]);
const FEED_SEGMENTS = new Set(["feed", "rss", "atom"]);

/** The key of a page from its request target in origin form (`/path?query`). */
export function pageKeyOf(target: string): PageKey {
  if (!target.startsWith("/")) return { url: target, templates: [] };
  const mark = target.indexOf("?");
  const segments = (mark < 0 ? target : target.slice(0, mark)).split("/", MOST_SEGMENTS + 2).slice(1);
  const cut = segments.length > MOST_SEGMENTS;
  if (cut) segments.pop();

  const last = lastNamed(segments);
  const extension = EXTENSION.exec(segments[last] ?? "")?.[1]?.toLowerCase();
  const kind = kindOf(segments, last, extension);
  const shape = segments.map((segment, at) =>
    at === last && !cut ? lastShape(segment, extension) : innerShape(segment, at),
  );
  const query = mark < 0 ? "" : queryShape(target.slice(mark + 1));

  const page = `${kind} /${shape.join("/")}${cut ? "/**" : ""}${query}`;
  const site = siteOf(kind);
  const [first = ""] = segments;
  // `/a` is a page of the site; `/a/` may begin a section.
  const isOfSite = last === 0 && (segments.length === 1 || first === "");
  const templates = isOfSite ? [page, site] : [page, `${kind} /${innerShape(first, 0)}/**`, site];
  return DATA.has(kind) ? { url: target, templates, showing: siteOf("html") } : { url: target, templates };
}

/** The last segment that is not empty: `/a/b/` ends in `b`. */
function lastNamed(segments: readonly string[]): number {
  let last = segments.length - 1;
  while (last > 0 && segments[last] === "") last--;
  return last;
}

function kindOf(segments: readonly string[], last: number, extension: string | undefined): string {
  if (extension !== undefined) return KINDS.get(extension) ?? extension;
  if (FEED_SEGMENTS.has(segments[last] ?? "")) return "xml";
  const first = segments[0] ?? "";
  return API_SEGMENTS.has(first) || API_VERSION.test(first) ? "json" : "html";
}

/** The last segment names the page itself, so it varies, unless it is a program or empty. */
function lastShape(segment: string, extension: string | undefined): string {
  if (segment === "" || FEED_SEGMENTS.has(segment)) return segment;
  if (extension === undefined) return DIGITS.test(segment) ? "#" : "*";
  if (PROGRAMS.has(extension) && !HAS_DIGIT.test(segment) && segment.length <= MOST_PART_CHARS)
    return segment;
  return `*.${extension}`;
}

/** One joiner is common in a section's name (`user-guide`), so the first segment needs two to count as a title. */
function innerShape(segment: string, at: number): string {
  if (DIGITS.test(segment)) return "#";
  if (API_VERSION.test(segment)) return segment;
  const varies = HAS_DIGIT.test(segment) || segment.length > MOST_PART_CHARS;
  return varies || (at === 0 ? LONG_SLUG : SLUG).test(segment) ? "*" : segment;
}

/** Names only, in their order. A name without a value (`?1699999999`) is a value itself, and left out. */
function queryShape(query: string): string {
  const names: string[] = [];
  for (const part of query.split("&", MOST_QUERY_NAMES)) {
    const equals = part.indexOf("=");
    if (equals > 0) names.push(equals <= MOST_PART_CHARS ? part.slice(0, equals) : "*");
  }
  return names.length === 0 ? "" : `?${names.join("&")}`;
}
