/**
 * What the answers of a daemon came to: by form and reason, by host and path, and in the last five minutes. A request
 * costs some look-ups and additions; sums are made when somebody asks, and every five seconds while requests come. What
 * visitors can name in any number is bounded.
 */
import type { Clock, Timer } from "../runtime/clock.ts";
import { hostName } from "../store/partition.ts";

/** @internal */
export const WINDOW_MS = 300_000;
export const STEP_MS = 5_000;
/** Hosts, and paths of each in five minutes, that are told apart. @internal */
export const MOST_HOSTS = 200;
/** @internal */
export const MOST_PATHS = 100;
const LONGEST_PATH_CHARS = 120;
/** What has no row of its own. @internal */
export const OTHERS = "(others)";

/** What an access log says of a visit or exchange that is over. */
export interface Finished {
  readonly host: string;
  readonly target: string;
  readonly answer?: string | undefined;
  readonly reason?: string | undefined;
  readonly failed?: string | undefined;
  readonly mismatched?: true | undefined;
  readonly pageBytes?: number | undefined;
}

/** An answer as it travelled, and why it did not build on anything; empty where that is not said. */
export interface Answer {
  readonly answer: string;
  readonly reason: string;
}

export interface Volume {
  visits: number;
  /** Of pages, as visitors get them before they are compressed. */
  pageBytes: number;
  /** Of answers on the link, without heads. */
  linkBytes: number;
}

interface HostVolume extends Volume {
  /** By the number of the answer. */
  readonly answers: number[];
  paths: Map<string, Volume>;
  /** Of the five minutes before. */
  pathsBefore: Map<string, Volume>;
}

/** Everything since the start, at one moment. */
export interface Sums extends Volume {
  readonly at: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly answers: ReadonlyMap<Answer, number>;
  readonly failures: ReadonlyMap<string, number>;
}

export interface TrafficOptions {
  readonly clock: Clock;
  /** Of all links since the start. */
  linkBytes(): { readonly sent: number; readonly received: number };
}

export class Traffic {
  readonly #options: TrafficOptions;
  /** Hosts that have answers: those that are served. */
  readonly #hosts = new Map<string, HostVolume>();
  readonly #numbers = new Map<string, Map<string | undefined, number>>();
  readonly #answers: Answer[] = [];
  readonly #failures = new Map<string, number>();
  /** Oldest first: one at the beginning of the window, and one each step. */
  #steps: Sums[] = [];
  #pathsSince = 0;
  #timer: Timer | undefined;
  mismatches = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  note(
    { host, target, answer, reason, failed, mismatched, pageBytes = 0 }: Finished,
    linkBytes: number,
  ): void {
    if (this.#timer === undefined) this.#begin();
    if (failed !== undefined) this.#failures.set(failed, (this.#failures.get(failed) ?? 0) + 1);
    if (answer === undefined) return;
    if (mismatched) this.mismatches++;
    const of = this.#hosts.get(host) ?? this.#hostNamed(hostName(host));
    const number = this.#numberOf(answer, reason);
    of.answers[number] = (of.answers[number] ?? 0) + 1;
    add(of, pageBytes, linkBytes);
    const end = target.indexOf("?");
    const path = end === -1 ? target : target.slice(0, end);
    add(of.paths.get(path) ?? newPath(of.paths, path), pageBytes, linkBytes);
  }

  /** Since the start. */
  sums(): Sums {
    const { clock, linkBytes } = this.#options;
    const sum = { visits: 0, pageBytes: 0, linkBytes: 0 };
    const answers = new Map<Answer, number>();
    for (const [, answer, times] of this.answersByHost())
      answers.set(answer, (answers.get(answer) ?? 0) + times);
    for (const each of this.#hosts.values()) addVolume(sum, each);
    const { sent, received } = linkBytes();
    return {
      at: clock.now(),
      ...sum,
      sentBytes: sent,
      receivedBytes: received,
      answers,
      failures: new Map(this.#failures),
    };
  }

  /** Host, answer, and how many there were. */
  *answersByHost(): Generator<readonly [string, Answer, number]> {
    for (const [host, { answers }] of this.#hosts)
      for (const [number, answer] of this.#answers.entries()) {
        const times = answers[number] ?? 0;
        if (times > 0) yield [host, answer, times];
      }
  }

  hosts(): Iterable<readonly [string, Readonly<Volume>]> {
    return this.#hosts;
  }

  /** Oldest first; the first one is what came before the window, the last one is now. Two at least. */
  window(): readonly Sums[] {
    const now = this.sums();
    return [...(this.#steps.length === 0 ? [now] : this.#steps), now];
  }

  /** Of the last five to ten minutes. Paths of HTTP/2 may hold bytes that a terminal obeys: those are written as `%9B`. */
  *paths(): Generator<{ readonly host: string; readonly path: string } & Readonly<Volume>> {
    for (const [host, { paths, pathsBefore }] of this.#hosts) {
      const sums = new Map<string, Volume>();
      for (const [path, volume] of [...pathsBefore, ...paths])
        addVolume(sums.get(path) ?? newPath(sums, path, 2 * MOST_PATHS), volume);
      for (const [path, volume] of sums) yield { host, path: path.replace(CONTROL, percentCoded), ...volume };
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #begin(): void {
    this.#steps = [this.sums()];
    this.#pathsSince = this.#options.clock.now();
    this.#next();
  }

  #next(): void {
    this.#timer = this.#options.clock.after(STEP_MS, () => this.#step());
  }

  #step(): void {
    const now = this.sums();
    while ((this.#steps[1]?.at ?? now.at) <= now.at - WINDOW_MS) this.#steps.shift();
    this.#steps.push(now);
    if (now.at - this.#pathsSince >= WINDOW_MS) {
      this.#pathsSince = now.at;
      for (const each of this.#hosts.values()) {
        each.pathsBefore = each.paths;
        each.paths = new Map();
      }
    }
    const quiet = [...this.#hosts.values()].every(
      ({ pathsBefore, paths }) => paths.size + pathsBefore.size === 0,
    );
    // Five minutes and more without a visit: what comes next begins anew.
    if (quiet && sameTraffic(this.#steps[0], now)) {
      this.#steps = [];
      this.#timer = undefined;
    } else this.#next();
  }

  #numberOf(answer: string, reason: string | undefined): number {
    let byReason = this.#numbers.get(answer);
    if (byReason === undefined) {
      byReason = new Map();
      this.#numbers.set(answer, byReason);
    }
    let number = byReason.get(reason);
    if (number === undefined) {
      number = this.#answers.push({ answer, reason: reason ?? "" }) - 1;
      byReason.set(reason, number);
    }
    return number;
  }

  /** Whatever port was asked for with it. */
  #hostNamed(host: string): HostVolume {
    const name = this.#hosts.has(host) || this.#hosts.size < MOST_HOSTS ? host : OTHERS;
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const made = {
      visits: 0,
      pageBytes: 0,
      linkBytes: 0,
      answers: [],
      paths: new Map(),
      pathsBefore: new Map(),
    };
    this.#hosts.set(name, made);
    return made;
  }
}

const add = (to: Volume, pageBytes: number, linkBytes: number): void => {
  to.visits++;
  to.pageBytes += pageBytes;
  to.linkBytes += linkBytes;
};

const addVolume = (to: Volume, { visits, pageBytes, linkBytes }: Readonly<Volume>): void => {
  to.visits += visits;
  to.pageBytes += pageBytes;
  to.linkBytes += linkBytes;
};

const CONTROL = /\p{Cc}/gu;
const percentCoded = (char: string): string =>
  `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

const newPath = (paths: Map<string, Volume>, path: string, most = MOST_PATHS): Volume => {
  // A text of its own: a part of a target would keep all of it.
  const cut = path.length > LONGEST_PATH_CHARS ? `${path.slice(0, LONGEST_PATH_CHARS)}…` : path;
  const name = paths.size < most ? Buffer.from(cut).toString() : OTHERS;
  const volume = paths.get(name) ?? { visits: 0, pageBytes: 0, linkBytes: 0 };
  paths.set(name, volume);
  return volume;
};

const sameTraffic = (before: Sums | undefined, now: Sums): boolean =>
  before?.visits === now.visits &&
  [...now.failures].every(([code, times]) => before.failures.get(code) === times);
