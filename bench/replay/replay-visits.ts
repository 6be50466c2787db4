/**
 * The visits of a replay: each page published at the origin and fetched through the pair, one
 * after the other, each with what it cost and whether it arrived unharmed. A visit begins when the page of the one before
 * has come, not when it is verified. Link bytes are read at the start of every visit: what trails an answer (its proof,
 * window) may count for the next visit, and heartbeats, a few bytes in many seconds, for whatever is under way.
 */
import { withoutQuerySecrets } from "../../protocol/daemon/access-line.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { type Baselines, baselinesOf } from "../corpus/baselines.ts";
import { bytesBetween, type CountingRelay, type LinkBytes } from "../rig/counting-relay.ts";
import type { Answer, ExchangeLog, LoggedExchange } from "../rig/exchange-log.ts";
import { type LinkTap, NOTHING_SPENT, type Spent, spentBetween } from "../rig/link-tap.ts";
import type { Visit, VisitedPage, Visitor } from "../rig/visitor.ts";
import type { PlannedVisit, Reported } from "./planned-visits.ts";
import type { PublishedPage, ReplayOrigin } from "./replay-origin.ts";

/** Both daemons log an exchange as it ends; later than this, one of them never will. */
const LOG_LINES_MS = 5_000;

export interface ReplayedVisit {
  readonly family: Reported;
  readonly counted: boolean;
  readonly rawBytes: number;
  readonly baselines: Baselines;
  readonly answer: Answer | undefined;
  /** Why the answer was whole or had no base, where the daemon says so. */
  readonly reason: string | undefined;
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

/** Makes all visits; `onVisit` is told before each visit. Rejects when a daemon dies or the signal fires. */
export async function visitAll(
  planned: readonly PlannedVisit[],
  ground: ReplayGround,
  options: { readonly countAll: boolean; readonly onVisit: (done: number, family: Reported) => void },
): Promise<ReplayedVisit[]> {
  const tried: (Tried & { readonly begun: LinkReading })[] = [];
  for (const plan of planned) {
    const { family } = plan;
    options.onVisit(tried.length, family);
    const page = { ...plan.visit, status: plan.status, ...plan.response() };
    if (plan.pauseMs > 0) await ground.clock.sleep(plan.pauseMs, ground.signal);
    const begun = readingOf(ground);
    const seen = await tryVisit(plan.visit, { page, ground, after: tried.at(-1)?.logged });
    // After the visit, so that compressing takes no time from it.
    const baselines = await baselinesOf(page.body);
    const counted = options.countAll || plan.counted;
    tried.push({ ...seen, visit: { family, counted, rawBytes: page.body.length, baselines }, begun });
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
  reason: undefined,
  answerBytes: 0,
  encodeMs: undefined,
  decodeMs: undefined,
  totalMs: undefined,
  mismatch: false,
  error: undefined,
};

/** Resolves when the page has come, or failed: the next visitor waits for no proof, and no log. */
async function tryVisit(
  visit: Visit,
  settings: {
    readonly page: PublishedPage;
    readonly ground: ReplayGround;
    readonly after: Promise<unknown> | undefined;
  },
): Promise<Pick<Tried, "logged">> {
  const { ground, page } = settings;
  ground.origin.publish(page);
  try {
    const seen = await ground.visitor.visit(visit, ground.signal);
    return { logged: outcomeOf(visit, { ...settings, seen }) };
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
  visit: Visit,
  settings: {
    readonly seen: VisitedPage;
    readonly page: PublishedPage;
    readonly ground: ReplayGround;
    readonly after: Promise<unknown> | undefined;
  },
): Promise<Outcome> {
  try {
    await settings.after;
    const logged = await loggedExchange(visit, settings.ground);
    return { ...figuresOf(logged), ...acknowledgementOf(settings.seen, settings.page, logged) };
  } catch (error) {
    return failedBy(error);
  }
}

/** What both daemons logged of this visit; lines of an earlier visit that failed may still come, and are passed over. */
export const loggedExchange = (
  { host, path }: Visit,
  { clock, signal, exchanges }: Pick<ReplayGround, "clock" | "signal" | "exchanges">,
): Promise<LoggedExchange> =>
  clock.within(LOG_LINES_MS, signal, async (within) => {
    for (;;) {
      const logged = await exchanges.next(within);
      // The record may name the host without its port.
      const named = logged.edge.host ?? host;
      if (
        logged.edge.target === withoutQuerySecrets(path) &&
        (host === named || host.startsWith(`${named}:`))
      )
        return logged;
    }
  });

const figuresOf = ({ edge, origin }: LoggedExchange): Outcome => ({
  ...NOTHING,
  answer: edge.answer,
  reason: edge.reason,
  answerBytes: edge.answerBytes ?? 0,
  encodeMs: origin?.encodeMs,
  decodeMs: edge.decodeMs,
  totalMs: edge.totalMs,
});

/** Compares with what the origin has, not with what the edge says. */
function acknowledgementOf(
  seen: VisitedPage,
  page: PublishedPage,
  { edge }: LoggedExchange,
): Pick<Outcome, "mismatch" | "error"> {
  if (seen.status !== page.status) return { mismatch: false, error: `status ${seen.status}` };
  if (edge.answer === undefined) return { mismatch: false, error: "the edge's access line has no answer" };
  return { mismatch: !seen.body.equals(page.body), error: undefined };
}
