/**
 * The visits of a replay: every version of every family published at the origin and fetched through the pair, one
 * after the other, each with what it cost and whether it arrived unharmed. A visit begins when the page of the one before
 * has come, not when it is verified. Link bytes are read at the start of every visit: what trails an answer (its proof,
 * window) may count for the next visit, and heartbeats, a few bytes in many seconds, for whatever is under way.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { type Baselines, baselinesOf } from "../corpus/baselines.ts";
import type { Corpus, Family } from "../corpus/corpus.ts";
import { bytesBetween, type CountingRelay, type LinkBytes } from "../rig/counting-relay.ts";
import type { Answer, ExchangeLog, LoggedExchange } from "../rig/exchange-log.ts";
import { type LinkTap, NOTHING_SPENT, type Spent, spentBetween } from "../rig/link-tap.ts";
import type { VisitedPage, Visitor } from "../rig/visitor.ts";
import { BALANCER_COOKIE, type ReplayOrigin } from "./replay-origin.ts";

/** Both daemons log an exchange as it ends; later than this, one of them never will. */
const LOG_LINES_MS = 5_000;

/** A page's first visits build its bases: they are not what the link is for, and are counted only on request. */
const UNCOUNTED = { timeseries: 1, template: 4, visitors: 5 } as const;

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
  /** What they were spent on; nothing where the link is not tapped. */
  readonly spent: Spent;
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
  readonly tap?: LinkTap | undefined;
  readonly exchanges: ExchangeLog;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

export const hostOf = (family: Family): string => `${family.name}.replay.test`;

/** `/` for a URL that is asked again and again; a path of its own, as a site would name it, for a template's page. @internal */
export function pathOf(family: Family, version: number): string {
  if (family.kind !== "template") return "/";
  const file = family.versions[version]?.file ?? "";
  return `/pages/${encodeURIComponent(file.slice(file.lastIndexOf("/") + 1))}`;
}

/**
 * A page's visitor comes with what analytics and consent tools of a site leave behind, and what its balancer set. Of
 * `visitors` each version is another person's, by a session cookie of their own.
 */
const cookieOf = (family: Family, version: number): string | undefined => {
  if (family.kind === "visitors") return sessionOf(family, version);
  return version === 0 ? undefined : `${ANALYTICS_COOKIES}; ${BALANCER_COOKIE}`;
};

const sessionOf = (family: Family, version: number): string =>
  `session=${createHash("sha1").update(`${family.name} ${version}`).digest("hex")}`;

const ANALYTICS_COOKIES = "_ga=GA1.1.1836409215.1736150417; CookieConsent=true";

/** A reader of templates' pages comes to each from the site's front page. */
const refererOf = (family: Family): string | undefined =>
  family.kind === "template" ? `http://${hostOf(family)}/` : undefined;

/** Visits the whole corpus; `onVisit` is told before each visit. Rejects when a daemon dies or the signal fires. */
export async function visitAll(
  corpus: Corpus,
  ground: ReplayGround,
  options: { readonly countAll: boolean; readonly onVisit: (done: number, family: Family) => void },
): Promise<ReplayedVisit[]> {
  const tried: (Tried & { readonly begun: LinkReading })[] = [];
  for (const family of corpus.families) {
    for (const [version, { file }] of family.versions.entries()) {
      options.onVisit(tried.length, family);
      const body = corpus.read(file);
      const begun = readingOf(ground);
      const seen = await tryVisit({ family, version, body }, { ground, after: tried.at(-1)?.logged });
      // After the visit, so that compressing takes no time from it.
      const baselines = await baselinesOf(body);
      const counted = options.countAll || version >= UNCOUNTED[family.kind];
      tried.push({ ...seen, visit: { family, counted, rawBytes: body.length, baselines }, begun });
      if (family.kind === "visitors" && version < UNCOUNTED.visitors)
        await ground.clock.sleep(BETWEEN_PEOPLE_MS, ground.signal);
    }
  }
  const outcomes = await Promise.all(tried.map(({ logged }) => logged));
  const end = readingOf(ground);
  ground.signal?.throwIfAborted();
  ground.exchanges.throwIfFailed();
  return tried.map(({ visit, begun }, at) => ({
    ...visit,
    ...betweenReadings(begun, tried[at + 1]?.begun ?? end),
    ...(outcomes[at] ?? NOTHING),
  }));
}

interface LinkReading {
  readonly bytes: LinkBytes;
  readonly spent: Spent;
}

const readingOf = ({ link, tap }: ReplayGround): LinkReading => ({
  bytes: link.read(),
  spent: tap?.read() ?? NOTHING_SPENT,
});

const betweenReadings = (before: LinkReading, after: LinkReading): Pick<ReplayedVisit, "link" | "spent"> => ({
  link: bytesBetween(before.bytes, after.bytes),
  spent: spentBetween(before.spent, after.spent),
});

/** A visit whose page has come; what the daemons say of it comes later. */
interface Tried {
  readonly visit: Pick<ReplayedVisit, "family" | "counted" | "rawBytes" | "baselines">;
  readonly logged: Promise<Outcome>;
}

type Outcome = Omit<ReplayedVisit, "family" | "counted" | "rawBytes" | "baselines" | "link" | "spent">;

const NOTHING: Outcome = {
  answer: undefined,
  answerBytes: 0,
  encodeMs: undefined,
  decodeMs: undefined,
  totalMs: undefined,
  mismatch: false,
  error: undefined,
};

/** Resolves when the page has come, or failed: the next visitor waits for no proof, and no log. */
async function tryVisit(
  page: { readonly family: Family; readonly version: number; readonly body: Buffer },
  { ground, after }: { readonly ground: ReplayGround; readonly after: Promise<unknown> | undefined },
): Promise<Pick<Tried, "logged">> {
  const { family, version, body } = page;
  const visit = {
    host: hostOf(family),
    path: pathOf(family, version),
    contentType: family.contentType,
    cookie: cookieOf(family, version),
    referer: refererOf(family),
  };
  ground.origin.publish({ ...visit, body, version, personal: family.kind === "visitors" });
  try {
    const seen = await ground.visitor.visit(visit, ground.signal);
    return { logged: outcomeOf(visit, { seen, body, ground, after }) };
  } catch (error) {
    ground.signal?.throwIfAborted();
    return { logged: Promise.resolve(failedBy(error)) };
  } finally {
    ground.exchanges.throwIfFailed();
  }
}

const failedBy = (error: unknown): Outcome => ({
  ...NOTHING,
  error: error instanceof Error ? error.message : String(error),
});

/** One visit after the other is looked up in the logs. Never rejects. */
async function outcomeOf(
  visit: { readonly host: string; readonly path: string },
  settings: {
    readonly seen: VisitedPage;
    readonly body: Buffer;
    readonly ground: ReplayGround;
    readonly after: Promise<unknown> | undefined;
  },
): Promise<Outcome> {
  try {
    await settings.after;
    const logged = await loggedExchange(visit, settings.ground);
    return { ...figuresOf(logged), ...acknowledgementOf(settings.seen, settings.body, logged) };
  } catch (error) {
    return failedBy(error);
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

const figuresOf = ({ edge, origin }: LoggedExchange): Outcome => ({
  ...NOTHING,
  answer: edge.answer,
  answerBytes: edge.answerBytes ?? 0,
  encodeMs: origin?.encodeMs,
  decodeMs: edge.decodeMs,
  totalMs: edge.totalMs,
});

/** Compares with what the origin has, not with what the edge says. */
function acknowledgementOf(
  seen: VisitedPage,
  body: Buffer,
  { edge }: LoggedExchange,
): Pick<Outcome, "mismatch" | "error"> {
  if (seen.status !== 200) return { mismatch: false, error: `status ${seen.status}` };
  if (edge.answer === undefined) return { mismatch: false, error: "the edge's access line has no answer" };
  return { mismatch: !seen.body.equals(body), error: undefined };
}
