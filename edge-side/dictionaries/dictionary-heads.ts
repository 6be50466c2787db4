/**
 * What heads say of dictionaries (RFC 9842): which response is coded with one, which file may be one for its next version, and where the
 * dictionary of the site is. Said to browsers that can use it alone; nothing here changes for how long a page of the site is kept.
 */
import { fieldOf, listOf, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { mapped } from "../../protocol/http/representation.ts";
import type { Dictionary } from "./available-dictionary.ts";

/** What a shared cache would heed in place of Cache-Control (RFC 9213, nginx, Akamai): it might give one visitor's coding to another. */
const FOR_CACHES = /^(?:.*cdn-cache-control|surrogate-control|edge-control|x-accel-expires)$/i;

/** Whether an answer under this head may be coded with a dictionary: no shared cache keeps it against what `onDictionary` says. */
export const mayUseDictionary = ({ fields }: ResponseHead): boolean =>
  !fields.some((name, i) => i % 2 === 0 && FOR_CACHES.test(name));

/** The head of a response that is coded with one: another without it, and for this visitor alone unless caches keep the two apart. */
export const onDictionary = (head: ResponseHead, audience: Dictionary["audience"]): ResponseHead => {
  const fields = joined(head.fields, "Vary", "Available-Dictionary");
  return {
    ...head,
    fields: audience === "visitor" ? joined(fields, "Cache-Control", "private") : fields,
  };
};

/** With `word` in the list that this field is. */
const joined = (fields: HeaderList, name: string, word: string): HeaderList => {
  const lower = name.toLowerCase();
  const said = listOf(fields, lower);
  if (said === undefined) return [...fields, name, word];
  const words = said.split(",").map((each) => each.trim().toLowerCase());
  if (words.includes(word.toLowerCase()) || words.includes("*")) return fields;
  let first = true;
  return mapped(fields, lower, (value) => {
    if (!first) return value;
    first = false;
    return value === "" ? word : `${value}, ${word}`;
  });
};

/** Chromium says so over HTTPS; others that take dictionaries do not, and lose nothing by it. */
export const isChromium = (fields: HeaderList): boolean => fieldOf(fields, "sec-ch-ua") !== undefined;

/** Whether a request is for what stands in a window or frame. */
export const isForDocument = (fields: HeaderList): boolean =>
  /^(?:document|i?frame)$/.test(fieldOf(fields, "sec-fetch-dest") ?? "");

/** Whether it may be for what the site's dictionary is made of: pages, and what scripts and service workers fetch. */
export const isForPageOrFetch = (fields: HeaderList): boolean =>
  /^(?:document|i?frame|empty|)$/.test(fieldOf(fields, "sec-fetch-dest") ?? "");

export const isHtml = ({ fields }: ResponseHead): boolean =>
  /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(fieldOf(fields, "content-type") ?? "");

/** Whether it is of the kinds that the site's dictionary is made of: pages, and what their scripts fetch. */
export const isPageOrJson = (head: ResponseHead): boolean =>
  isHtml(head) ||
  /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(fieldOf(head.fields, "content-type") ?? "");

export const linked = (head: ResponseHead, path: string): ResponseHead => ({
  ...head,
  fields: [...head.fields, "Link", `<${path}>; rel="compression-dictionary"`],
});

/** A pattern of URLs with what varies as `*`; undefined for a target without a version in its name. @internal */
export const versionPattern = (target: string): string | undefined => {
  const [, path = "", query] = /^([^?]*)(?:\?(.*))?$/.exec(target) ?? [];
  // What URL patterns give a meaning of their own is left alone.
  if (!/^\/[\w\-./~%@!$&',;=]*$/.test(path) || path.length > MOST_PATTERN_CHARS) return undefined;
  if (query !== undefined) {
    const [, name] = VERSION_IN_QUERY.exec(query) ?? [];
    return FILE.test(path) && name !== undefined ? `${path}?${name}*` : undefined;
  }
  const [, before, version = "", after] = VERSION_IN_NAME.exec(path) ?? [];
  return /\d/.test(version) ? `${before}*${after}` : undefined;
};

const MOST_PATTERN_CHARS = 300;
const FILE = /\.(?:m?js|css|json)$/;
const VERSION_IN_QUERY = /^((?:ver|v|version|rev|hash|h|t)=)[\w.-]{1,80}$/;
/** `app.3f9a1c07.js`, `app-1.2.3.min.js`, `main.BvX3kQ9a.css`. */
const VERSION_IN_NAME =
  /^(.*\/[\w~%@!$&',;=.-]*?[a-zA-Z][\w]*[.-])((?:v?\d+(?:\.\d+)+|[0-9a-f]{6,64}|[\w-]{8,32}))((?:\.(?:min|bundle|chunk))?\.(?:m?js|css|json))$/;

const FILE_TYPE =
  /^\s*(?:(?:text|application)\/(?:x-)?(?:java|ecma)script|text\/css|application\/(?:[\w.-]+\+)?json)\b/i;
const UNKEPT = /(?:^|[\s,])(?:no-store|no-cache|must-revalidate)\b/i;
const MAX_AGE = /(?:^|[\s,])max-age\s*=\s*"?(\d+)/i;
const LEAST_AGE_S = 3_600;

/** Whether browsers keep it long enough to be of use, and its next version has another URL. */
export const isVersionedFile = (target: string, { status, fields }: ResponseHead): boolean => {
  if (status !== 200 || !FILE_TYPE.test(fieldOf(fields, "content-type") ?? "")) return false;
  const said = listOf(fields, "cache-control") ?? "";
  return (
    !UNKEPT.test(said) &&
    Number(MAX_AGE.exec(said)?.[1] ?? 0) >= LEAST_AGE_S &&
    versionPattern(target) !== undefined
  );
};

/** Whether the web server says itself what the response is a dictionary for. */
export const isNamedDictionary = ({ fields }: ResponseHead): boolean =>
  fieldOf(fields, "use-as-dictionary") !== undefined;

/** The head of such a file, unless the web server says itself what it is a dictionary for. */
export const asDictionary = (target: string, head: ResponseHead): ResponseHead => {
  const pattern = versionPattern(target);
  if (pattern === undefined || isNamedDictionary(head)) return head;
  return { ...head, fields: [...head.fields, "Use-As-Dictionary", `match="${pattern}"`] };
};
