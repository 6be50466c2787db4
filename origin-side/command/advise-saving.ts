/**
 * What a route's page says of the saving: asked for twice, as by one visitor who comes again with the cookies of the first answer. In plain
 * words, with the setting or the remedy; bounded in time and bytes, and never a problem: a site may be as it likes.
 */

import { STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import { type Finding, ok, warning } from "../../protocol/daemon/findings.ts";
import { formulasLike, tagBy } from "../../protocol/frames/etag-formulas.ts";
import { fieldOf, listOf, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { codingOf } from "../../protocol/http/representation.ts";
import { LEAST_CODED_BYTES, whyPassed } from "../../protocol/http/why-passed.ts";
import { type Clock, DeadlineError } from "../../protocol/runtime/clock.ts";
import { countedSetCookies, type SetCookie } from "../../protocol/scope/counted-cookies.ts";
import { HARMLESS_COOKIES, nameMatcher } from "../../protocol/scope/ignored-cookies.ts";
import type { NoBase } from "../../protocol/scope/no-base.ts";
import { ScopeRules } from "../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { MOST_WAIT_MS } from "../answer/buffer-body.ts";
import type { AskPage, SeenPage } from "./ask-page.ts";

export interface SavingOptions {
  readonly clock: Clock;
  readonly withinMs: number;
}

/** `server`: the route and its web server, as findings begin. */
export const adviseSaving = async (
  server: string,
  path: string,
  ask: AskPage,
  { clock, withinMs }: SavingOptions,
): Promise<readonly Finding[]> => {
  const page = `${server}: GET ${path}`;
  try {
    const [first, second] = await clock.within(withinMs, undefined, async (signal) => {
      const first = await ask([], signal);
      return [first, await ask(cookiesAfter(first.head), signal)];
    });
    return judge(page, first, second);
  } catch (error) {
    const advice = "a page that never ends is no base; if it should end, look whether the web server hangs";
    if (error instanceof DeadlineError)
      return [warning(`${page} is not here twice within ${withinMs} ms`, advice)];
    return [warning(`${page} fails, though HEAD is answered`, "the web server's own log says why")];
  }
};

const judge = async (page: string, first: SeenPage, second: SeenPage): Promise<readonly Finding[]> => {
  const { head, body } = first;
  if (head.status !== 200) return [ok(`${page} answers ${head.status}: nothing to save is seen there`)];
  const why = whyPassed("GET", head);
  if (why !== undefined) return [passes(page, why, head)];
  if (body === undefined || second.body === undefined)
    return [
      warning(
        `${page} is larger than limits.pageBytes: it streams, and is no base of the next one`,
        "set limits.pageBytes larger, here and in edge.yaml",
      ),
    ];
  if (body.length < LEAST_CODED_BYTES) return [passes(page, "too-small", head)];
  return [
    ...audience(page, head),
    ...cookies(page, first, second),
    await nextVisit(page, body, second.body),
    ...entityTag(page, first, second),
    ...varying(page, head),
    ...slow(page, first),
  ];
};

const passes = (page: string, why: NoBase, { fields }: ResponseHead): Finding => {
  if (why === "too-small") return ok(`${page} has fewer than ${LEAST_CODED_BYTES} bytes: it passes as it is`);
  if (why === "event-stream") return ok(`${page} is a stream of events: each passes at once, as it is`);
  const coding = codingOf(fields) ?? fieldOf(fields, "content-encoding");
  if (coding === undefined) return ok(`${page} is ${fieldOf(fields, "content-type")}: it passes as it is`);
  return warning(
    `${page} comes coded (${coding}) and must stay so, or nothing here can undo it: it travels whole`,
    "set askEncoded: no for the route, or let the site leave out Cache-Control: no-transform",
  );
};

const HARMLESS = nameMatcher(HARMLESS_COOKIES);
const RULES = new ScopeRules({ bases: "session", harmlessCookies: [] }, Buffer.alloc(32));

const IF_NOT_SECRET = "where nothing on the host is secret, set bases: site for it in edge.yaml";

/** What it says to a visitor who shows nothing. */
const audience = (page: string, head: ResponseHead): readonly Finding[] => {
  const { status, fields } = head;
  const withoutCookies = fields.filter((_, at) => !isSetCookie(fields[at - (at % 2)]));
  const asked = { credentials: RULES.credentialsOf([]), status, response: withoutCookies };
  const scope = RULES.scopeOf(asked);
  if (scope.kind === "public")
    return counted(head).length > 0
      ? []
      : [ok(`${page} says nothing of private: one visitor's is the next one's base`)];
  const says = scope.reason === "no-store" ? "no-store" : "private";
  const forgotten = says === "no-store" ? "; it is forgotten after store.noStoreTime" : "";
  return [
    warning(
      `${page} says ${says} to everybody: it builds on what the visitor's own address was sent, and on what three networks share${forgotten}`,
      `list your proxies under trustedProxies in edge.yaml; let the site say ${says} of personal pages only; ${IF_NOT_SECRET}`,
    ),
  ];
};

const cookies = (page: string, first: SeenPage, second: SeenPage): readonly Finding[] => {
  const [before, after] = [counted(first.head), counted(second.head)];
  if (after.length === 0)
    return before.length === 0
      ? []
      : [ok(`${page} sets ${names(before)} once: the session builds on its own pages`)];
  const remedy = `name them in harmlessCookies in edge.yaml if they make no session; else let the site set them once`;
  const isSame = after.every(({ name, value }) =>
    before.some((old) => old.name === name && old.value === value),
  );
  if (isSame)
    return [warning(`${page} sets ${names(after)} in each answer, so that all are personal`, remedy)];
  const { status, fields: response } = second.head;
  const credentials = RULES.credentialsOf(cookiesAfter(first.head));
  const answered = RULES.answered({ credentials, method: "GET", status, response });
  const what =
    answered?.renewal?.from === undefined
      ? "which may be a login each time: no page is the next one's base"
      : "so that all are personal; the session goes on, and builds on its own pages";
  return [warning(`${page} renews ${names(after)} with each answer, ${what}`, remedy)];
};

const nextVisit = async (page: string, first: Buffer, second: Buffer): Promise<Finding> => {
  if (first.equals(second))
    return ok(`${page} brings the same ${first.length} bytes again: they cost some 20 on the link`);
  const bases = STREAMING_CODEC.fits(first.length, second.length) ? [first] : [];
  const [whole, delta] = await Promise.all([[], bases].map((on) => STREAMING_CODEC.encode(on, second)));
  return ok(
    `${page} changes with each visit: ${second.length} bytes cost ${whole?.length} on the link, and ${delta?.length} on top of the one before`,
  );
};

const entityTag = (page: string, first: SeenPage, second: SeenPage): readonly Finding[] => {
  const [tag, later] = [fieldOf(first.head.fields, "etag"), fieldOf(second.head.fields, "etag")];
  const { body } = first;
  if (tag === undefined || body === undefined) return [];
  if (tag !== later && second.body?.equals(body) === true)
    return [
      warning(
        `${page} has another ETag each time for the same bytes: no visitor ever gets 304`,
        "let the site make it of the page's bytes alone",
      ),
    ];
  const made = { body, fingerprint: fingerprintOf(body) };
  return formulasLike(tag, body.length).some((formula) => tagBy(formula, made) === tag)
    ? [ok(`${page} has an ETag that is a hash of it: the edge makes it, and it does not cross the link`)]
    : [
        ok(
          `${page} has an ETag of its own (${tag.length} bytes), which crosses the link with each new answer`,
        ),
      ];
};

const varying = (page: string, { fields }: ResponseHead): readonly Finding[] => {
  const by = (listOf(fields, "vary") ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name.toLowerCase() !== "accept-encoding");
  if (by.length === 0) return [];
  return [
    ok(
      `${page} varies by ${by.join(", ")}: that costs nothing, but no more than four versions of a URL are kept`,
    ),
  ];
};

const slow = (page: string, { bodyMs }: SeenPage): readonly Finding[] =>
  bodyMs <= MOST_WAIT_MS
    ? []
    : [ok(`${page} takes ${Math.round(bodyMs)} ms from its head to its end: it streams, and starts at once`)];

const isSetCookie = (name: string | undefined): boolean => name?.toLowerCase() === "set-cookie";

const setCookies = ({ fields }: ResponseHead): readonly string[] =>
  fields.filter((_, at) => at % 2 === 1 && isSetCookie(fields[at - 1]));

const counted = (head: ResponseHead): readonly SetCookie[] => countedSetCookies(setCookies(head), HARMLESS);

const names = (cookies: readonly SetCookie[]): string =>
  [...new Set(cookies.map(({ name }) => name))].join(", ");

/** The Cookie field that a visitor sends who was given these; nothing where there are none. */
const cookiesAfter = (head: ResponseHead): HeaderList => {
  const held = new Map<string, string>();
  for (const { name, value, removed } of countedSetCookies(setCookies(head), () => false))
    if (removed) held.delete(name);
    else held.set(name, value);
  return held.size === 0 ? [] : ["Cookie", [...held].map(([name, value]) => `${name}=${value}`).join("; ")];
};
