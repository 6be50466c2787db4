/**
 * The visits of a replay: every version of every family published at the origin and fetched through the pair, one
 * after the other, each with what it cost and whether it arrived unharmed. Link bytes are read at the start of every
 * visit, so what trails an answer (its proof, credit) counts for the visit it belongs to, without waiting for silence;
 * heartbeats, a few bytes in many seconds, fall to whatever visit is under way.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../protocol/kit/clock.ts";
import { type Baselines, baselinesOf } from "./baselines.ts";
import type { Corpus, Family } from "./corpus.ts";
import { bytesBetween, type CountingRelay, type LinkBytes } from "./counting-relay.ts";
import type { Answer, ExchangeLog, LoggedExchange } from "./exchange-log.ts";
import type { ReplayOrigin } from "./replay-origin.ts";
import type { VisitedPage, Visitor } from "./visitor.ts";

/** Both daemons log an exchange as it ends; later than this, one of them never will. */
const LOG_LINES_MS = 5_000;

/** A page's first visits build its bases: they are not what the link is for, and are counted only on request. */
export const UNCOUNTED = { timeseries: 1, template: 4, visitors: 5 } as const;

/** After each of the first people's visits: what they share is found between visits, not within one. */
const BETWEEN_PEOPLE_MS = 250;

export interface ReplayedVisit {
  readonly family: Family;
  readonly counted: boolean;
  readonly rawBytes: number;
  readonly baselines: Baselines;
  readonly answer: Answer | undefined;
  readonly answerBytes: number;
  readonly link: LinkBytes;
  readonly encodeMs: number | undefined;
  readonly decodeMs: number | undefined;
  readonly totalMs: number | undefined;
  /** The visitor got other bytes than the origin sent. */
  readonly mismatch: boolean;
  /** Why there is nothing to compare. */
  readonly error: string | undefined;
}

/** What a replay runs on: the running parts and the wish to stop. */
export interface ReplayGround {
  readonly origin: ReplayOrigin;
  readonly visitor: Visitor;
  readonly link: CountingRelay;
  readonly exchanges: ExchangeLog;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

export const hostOf = (family: Family): string => `${family.name}.replay.test`;

/** `/` for a URL that is asked again and again; a path of its own, as a site would name it, for a template's page. */
export function pathOf(family: Family, version: number): string {
  if (family.kind !== "template") return "/";
  const file = family.versions[version]?.file ?? "";
  return `/pages/${encodeURIComponent(file.slice(file.lastIndexOf("/") + 1))}`;
}

/** Of `visitors` each version is another person's, by a session cookie of their own. */
export const cookieOf = (family: Family, version: number): string | undefined =>
  family.kind === "visitors"
    ? `session=${createHash("sha1").update(`${family.name} ${version}`).digest("hex")}`
    : undefined;

/** Visits the whole corpus; `onVisit` is told before each visit. Rejects when a daemon dies or the signal fires. */
export async function visitAll(
  corpus: Corpus,
  ground: ReplayGround,
  options: { readonly countAll: boolean; readonly onVisit: (done: number, family: Family) => void },
): Promise<ReplayedVisit[]> {
  const visits: ReplayedVisit[] = [];
  let done = 0;
  for (const family of corpus.families) {
    for (const [version, { file }] of family.versions.entries()) {
      options.onVisit(done, family);
      done += 1;
      const body = corpus.read(file);
      const before = ground.link.read();
      const tried = await tryVisit({ family, version, body }, ground);
      // After the visit, so that compressing takes no time from it; the trailing bytes arrive meanwhile.
      const baselines = await baselinesOf(body);
      visits.push({
        family,
        counted: options.countAll || version >= UNCOUNTED[family.kind],
        rawBytes: body.length,
        baselines,
        link: bytesBetween(before, ground.link.read()),
        ...tried,
      });
      if (family.kind === "visitors" && version < UNCOUNTED.visitors)
        await ground.clock.sleep(BETWEEN_PEOPLE_MS, ground.signal);
    }
  }
  return visits;
}

type Outcome = Omit<ReplayedVisit, "family" | "counted" | "rawBytes" | "baselines" | "link">;

const NOTHING: Outcome = {
  answer: undefined,
  answerBytes: 0,
  encodeMs: undefined,
  decodeMs: undefined,
  totalMs: undefined,
  mismatch: false,
  error: undefined,
};

async function tryVisit(
  page: { readonly family: Family; readonly version: number; readonly body: Buffer },
  ground: ReplayGround,
): Promise<Outcome> {
  const { family, version, body } = page;
  const visit = { host: hostOf(family), path: pathOf(family, version), contentType: family.contentType };
  const cookie = cookieOf(family, version);
  ground.origin.publish({ ...visit, body, version, personal: cookie !== undefined });
  try {
    const seen = await ground.visitor.visit({ ...visit, cookie }, ground.signal);
    const logged = await loggedExchange(visit, ground);
    return { ...outcomeOf(logged), ...verdictOn(seen, body, logged) };
  } catch (error) {
    ground.signal?.throwIfAborted();
    ground.exchanges.throwIfFailed();
    return { ...NOTHING, error: error instanceof Error ? error.message : String(error) };
  }
}

/** What both daemons logged of this visit; lines of an earlier visit that failed may still come, and are passed over. */
const loggedExchange = (
  { host, path }: { readonly host: string; readonly path: string },
  { clock, signal, exchanges }: ReplayGround,
): Promise<LoggedExchange> =>
  clock.within(LOG_LINES_MS, signal, async (within) => {
    for (;;) {
      const logged = await exchanges.next(within);
      if (logged.edge.target === path && (logged.edge.host ?? host) === host) return logged;
    }
  });

const outcomeOf = ({ edge, origin }: LoggedExchange): Outcome => ({
  ...NOTHING,
  answer: edge.answer,
  answerBytes: edge.answerBytes ?? 0,
  encodeMs: origin?.encodeMs,
  decodeMs: edge.decodeMs,
  totalMs: edge.totalMs,
});

/** Compares with what the origin has, not with what the edge says. */
function verdictOn(
  seen: VisitedPage,
  body: Buffer,
  { edge }: LoggedExchange,
): Pick<Outcome, "mismatch" | "error"> {
  if (seen.status !== 200) return { mismatch: false, error: `status ${seen.status}` };
  if (edge.answer === undefined) return { mismatch: false, error: "the edge's access line has no answer" };
  return { mismatch: !seen.body.equals(body), error: undefined };
}
