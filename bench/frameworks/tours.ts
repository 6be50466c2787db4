/**
 * The visits to one application, and what they cost. Each visitor is the same person on every way: straight, straight once more (to know what
 * differs by itself), and through each pair; a visit is made on all ways before the next one. A tour asks for all pages of the application in turn.
 */
import { gzipSync } from "node:zlib";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Asker } from "../rig/asker.ts";
import { bytesBetween } from "../rig/counting-relay.ts";
import type { DaemonPair } from "../rig/daemon-pair.ts";
import type { LoggedExchange } from "../rig/exchange-log.ts";
import { HeldDictionary } from "../rig/held-dictionary.ts";
import { http2Asker } from "../rig/http2-asker.ts";
import { type Visit, type VisitedPage, type Visitor, visitorOf } from "../rig/visitor.ts";
import { type Application, USERS } from "./apps/application.ts";
import { type Browser, browserOf } from "./apps/browser.ts";
import {
  type BodyVerdict,
  bodyVerdict,
  type Difference,
  fieldDifferences,
  firstDifference,
} from "./differences.ts";
import type { Recorder } from "./recorder.ts";

export const PHASES = [
  "same visitor",
  "changed",
  "no cookies",
  "new visitors",
  "user's first tour",
  "users again",
] as const;
export type Phase = (typeof PHASES)[number];

/** What one visit cost on the way through this checkout's pair, and whether it came as asked straight. */
export interface Measured {
  readonly phase: Phase;
  /** Not one that builds the bases: a phase's first visits. */
  readonly counted: boolean;
  readonly path: string;
  readonly rawBytes: number;
  readonly gzipBytes: number;
  readonly logged: LoggedExchange;
  readonly linkBytes: number;
  /** Of the pair of another checkout. */
  readonly thatLinkBytes: number | undefined;
  /** That the visitor got: head and body, and dictionaries that were fetched for it; in HTTP/2 all that came by its socket. */
  readonly visitorBytes: number;
  /** Of these, for dictionaries. */
  readonly dictionaryBytes: number;
  readonly thatVisitorBytes: number | undefined;
  readonly body: BodyVerdict;
  /** Where a wrong body parts from what was sent, or one that was sent otherwise from the straight one. */
  readonly flaw: string | undefined;
  readonly fields: readonly Difference[];
}

/** A daemon's two log lines come within this after the page. */
const LOG_LINES_MS = 10_000;

const DICTIONARIES = "/.well-known/coilgun/";
/**
 * Before all others, where there are dictionaries: so many come to each page first, as what else they ask for may be a session's. From one to the next: the
 * first dictionary is made of what three have seen by then, and made anew seconds later.
 */
const TEACHERS_PER_PAGE = 3;
const TEACHERS_PAUSE_MS = 1_500;
const AGAIN_TOURS = 5;
const CHANGES = 3;
const NEW_VISITORS = 12;
/** Of new visitors, and of a phase that repeats. */
const FIRST_VISITORS = 5;
const USER_TOURS = 3;

/** A page through a pair, with what it cost. */
interface PairPage extends VisitedPage {
  readonly logged: LoggedExchange;
  readonly linkBytes: number;
  readonly visitorBytes: number;
  readonly dictionaryBytes: number;
}

interface Ways {
  /** host:port of the application itself. */
  readonly straight: string;
  readonly pair: DaemonPair;
  /** Between the pair and the application. */
  readonly recorder: Recorder;
  /** The pair of another checkout. */
  readonly that?: DaemonPair | undefined;
  readonly host: string;
  /** Visitors are Chromium over HTTPS, in HTTP/2 to the pairs, and take dictionaries. */
  readonly dictionaries: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface Person {
  readonly straight: readonly [Browser, Browser];
  readonly pair: Browser<PairPage>;
  readonly that: Browser<PairPage> | undefined;
  /** Ends its connections. */
  leave(): void;
}

export interface TourSettings {
  readonly ways: Ways;
  readonly change: (n: number) => Promise<void>;
  /** Between two new visitors. */
  readonly pauseMs: number;
}

/** Makes all visits. Rejects when a way breaks down; what came wrong is in the result. */
export async function visitApplication(app: Application, settings: TourSettings): Promise<Measured[]> {
  const { ways, change, pauseMs } = settings;
  const measured: Measured[] = [];
  const tour = async (person: Person, phase: Phase, counted: boolean, pages = app.pages) => {
    for (const path of pages)
      measured.push({ ...(await visitPage(person, path, ways.recorder)), phase, counted, path });
  };
  let networks = 0;
  const arrive = (keepsCookies = true) => {
    networks += 1;
    return personOn(ways, { network: `11.${networks}.7.5`, keepsCookies });
  };

  const teachers = ways.dictionaries ? TEACHERS_PER_PAGE * app.pages.length : 0;
  for (let n = 0; n < teachers; n += 1) {
    const teacher = arrive();
    const landing = n % app.pages.length;
    await tour(teacher, "new visitors", false, [...app.pages.slice(landing), ...app.pages.slice(0, landing)]);
    teacher.leave();
    await ways.clock.sleep(TEACHERS_PAUSE_MS, ways.signal);
  }
  const first = arrive();
  for (let round = 0; round < AGAIN_TOURS; round += 1) await tour(first, "same visitor", round > 0);
  const changed = async (n: number) => {
    await change(n);
    await tour(first, "changed", true);
  };
  for (let n = 1; n <= CHANGES; n += 1) await changed(n);
  first.leave();

  const cookieless = arrive(false);
  for (let round = 0; round < AGAIN_TOURS; round += 1) await tour(cookieless, "no cookies", round > 0);
  cookieless.leave();

  for (let n = 0; n < NEW_VISITORS; n += 1) {
    const visitor = arrive();
    await tour(visitor, "new visitors", n >= FIRST_VISITORS);
    visitor.leave();
    await ways.clock.sleep(pauseMs, ways.signal);
  }

  const { signIn } = app;
  if (signIn === undefined) return measured;
  const users: Person[] = [];
  for (let n = 0; n < USERS; n += 1) {
    const user = arrive();
    users.push(user);
    const browsers = [...user.straight, user.pair, ...(user.that === undefined ? [] : [user.that])];
    for (const browser of browsers) await signIn(browser, n);
    await tour(user, "user's first tour", n === USERS - 1, app.userPages);
  }
  for (let round = 0; round < USER_TOURS; round += 1) {
    await change(CHANGES + 1 + round);
    for (const user of users) await tour(user, "users again", round > 0, app.userPages);
  }
  for (const user of users) user.leave();
  return measured;
}

function personOn(ways: Ways, who: { readonly network: string; readonly keepsCookies: boolean }): Person {
  const { clock, signal, host, that } = ways;
  const visitors: Visitor[] = [];
  const visitorAt = (address: string, asker?: Asker) => {
    const dictionary = ways.dictionaries ? new HeldDictionary() : undefined;
    const visitor = visitorOf(address, clock, dictionary, asker);
    visitors.push(visitor);
    return { visitor, dictionary };
  };
  const straight = () => {
    const { visitor } = visitorAt(ways.straight);
    // A web server may close a kept connection just as it is used again; browsers ask again then, as the pair does.
    const ask = (visit: Visit) =>
      visitor.visit(visit, signal).catch((error: unknown) => {
        if (visit.form !== undefined) throw error;
        return visitor.visit(visit, signal);
      });
    return browserOf(ask, { host, ...who });
  };
  const through = (pair: DaemonPair) => {
    const visiting = visitorAt(pair.visitors, ways.dictionaries ? http2Asker(pair.visitors) : undefined);
    return browserOf((visit) => askPair(pair, { ...visiting, visit, clock, signal }), { host, ...who });
  };
  return {
    straight: [straight(), straight()],
    pair: through(ways.pair),
    that: that && through(that),
    leave() {
      for (const visitor of visitors) visitor.close();
    },
  };
}

/** One exchange at a time: what the relay counts until both daemons have logged it is this one's, but for the acknowledgement: the next one takes it along. */
async function askPair(
  { link, exchanges }: DaemonPair,
  asked: {
    readonly visitor: Visitor;
    readonly dictionary: HeldDictionary | undefined;
    readonly visit: Visit;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<PairPage> {
  const { visitor, dictionary, visit, clock, signal } = asked;
  const [before, fetched = 0] = [link.read(), dictionary?.bytes];
  const page = await visitor.visit(visit, signal);
  const logged = await clock.within(LOG_LINES_MS, signal, async (within) => {
    for (;;) {
      const next = await exchanges.next(within);
      // The fetch of a dictionary is logged too.
      if (!next.edge.target.startsWith(DICTIONARIES)) return next;
    }
  });
  const { toEdge, toOrigin } = bytesBetween(before, link.read());
  const dictionaryBytes = (dictionary?.bytes ?? 0) - fetched;
  const visitorBytes = page.bytes + dictionaryBytes;
  return { ...page, logged, linkBytes: toEdge + toOrigin, visitorBytes, dictionaryBytes };
}

async function visitPage(
  person: Person,
  path: string,
  recorder: Recorder,
): Promise<Omit<Measured, "phase" | "counted" | "path">> {
  const [one, two] = person.straight;
  let first = await one.get(path);
  let second = await two.get(path);
  recorder.begin();
  const page = await person.pair.get(path);
  const sent = await recorder.body();
  const that = await person.that?.get(path);
  let body = bodyVerdict([first, second], page, sent);
  let fields = fieldDifferences(first, second, page);
  if (body === "sent otherwise" || fields.length > 0) {
    // What follows the clock may have changed between the straight visits and the pair's.
    [first, second] = [second, await one.get(path)];
    if (body === "sent otherwise") body = bodyVerdict([first, second], page, sent);
    const still = fieldDifferences(first, second, page).map(({ field }) => field);
    fields = fields.filter(({ field }) => still.includes(field));
  }
  return {
    rawBytes: page.body.length,
    gzipBytes: gzipSync(page.body, { level: 6 }).length,
    logged: page.logged,
    linkBytes: page.linkBytes,
    thatLinkBytes: that?.linkBytes,
    visitorBytes: page.visitorBytes,
    dictionaryBytes: page.dictionaryBytes,
    thatVisitorBytes: that?.visitorBytes,
    body,
    flaw:
      body === "wrong"
        ? `wrong, ${firstDifference(sent, page.body)}`
        : body === "sent otherwise"
          ? `sent otherwise, ${firstDifference(first.body, page.body)}`
          : undefined,
    fields,
  };
}
