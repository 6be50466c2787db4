/**
 * What answers have made of cookies so far, as far as it tells whose session goes on and whose secret is none: values given to
 * one session only, short values that answers replace again and again (the time of the last visit), and
 * long values that come with other short ones each time. Only keyed hashes are kept, and the text of what is everybody's, within
 * bounds: what was forgotten costs a base. SPEC section "Renewed credentials".
 */
import { LRUCache } from "lru-cache";
import { AMBIGUOUS, type Pair } from "./counted-cookies.ts";
import type { SessionKey } from "./session-key.ts";

/** Values remembered as given; about 130 bytes each. */
const MOST_GIVEN = 16_384;
/** Short values that took another's place, beside each long one; about 250 bytes each. @internal */
export const MOST_CONTINUED = 8_192;
const MOST_COMPANIONS = 8_192;
/** Values that answers gave to strangers, and times that they gave to anybody; about 250 bytes each, with whom. */
const MOST_TOLD = 4_096;
/** Pairs that are everybody's of a host, by their text; of so many characters at most. */
const MOST_EVERYBODYS = 4_096;
const MOST_EVERYBODYS_CHARS = 512;
/** A value that an answer replaced once may have been a login. */
const REPLACED_FOR_SETTLED = 2;
/** A long value that came with so many short ones of one name belongs to so many people. */
const COMPANIONS_FOR_SHARED = 3;

/** A pair that so many strangers were given says nothing of any of them: their language, or what they agreed to before they were asked. */
const STRANGERS_FOR_EVERYBODYS = 3;
/** Of a time two, whoever they were: all who came in that second have it. */
const SESSIONS_FOR_SHARED_TIME = 2;

/** A short value as answers made it, each in the place of the one before, all of them beside the same long values. */
export interface Continued {
  /** So many answers did. */
  readonly times: number;
  /** The mark of the first that an answer gave: it stands for all that follow. */
  readonly first: string;
}

/** Neither a login nor a logout: answers have replaced it often enough. */
export const isSettled = (continued: Continued | undefined): boolean =>
  continued !== undefined && continued.times >= REPLACED_FOR_SETTLED;

/** Whom a value was given to. */
type Given = SessionKey | "several";

/** The marks that were used last; room for all of them (1 MB for those of a history) is made when the first one comes. */
class Marks<Meaning extends {}> {
  readonly #max: number;
  #kept: LRUCache<string, Meaning> | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get isEmpty(): boolean {
    return this.#kept === undefined || this.#kept.size === 0;
  }

  has(mark: string): boolean {
    return this.#kept?.has(mark) ?? false;
  }

  get(mark: string): Meaning | undefined {
    return this.#kept?.get(mark);
  }

  /** As `get`, but it is not a use. */
  peek(mark: string): Meaning | undefined {
    return this.#kept?.peek(mark);
  }

  set(mark: string, meaning: Meaning): void {
    this.#kept ??= new LRUCache({ max: this.#max });
    this.#kept.set(mark, meaning);
  }

  delete(mark: string): void {
    this.#kept?.delete(mark);
  }
}

export class CookieHistory {
  readonly #given = new Marks<Given>(MOST_GIVEN);
  readonly #continued = new Marks<Continued>(MOST_CONTINUED);
  readonly #companions = new Marks<readonly string[]>(MOST_COMPANIONS);
  readonly #shared = new Marks<true>(MOST_COMPANIONS);
  readonly #told = new Marks<readonly string[]>(MOST_TOLD);
  readonly #everybodys = new Marks<true>(MOST_EVERYBODYS);

  /** Notes that an answer gave a value (by its mark) to a session that has it or not, or to a stranger; whether it is nobody else's. */
  give(value: string, to: SessionKey | undefined, isHeld: boolean): boolean {
    const before = this.#given.get(value);
    if (isHeld && before !== undefined) return true;
    const alone = to !== undefined && (before === undefined || before === to);
    this.#given.set(value, alone ? to : "several");
    return alone;
  }

  /** Whether any short value was replaced: else nobody need ask. */
  get continuesAny(): boolean {
    return !this.#continued.isEmpty;
  }

  /** What answers made of a short value, where they did so beside each of these long ones (all by their marks). */
  continued(longs: readonly string[], short: string): Continued | undefined {
    let least: Continued | undefined;
    for (const long of longs) {
      const found = this.#continued.get(long + short);
      if (found === undefined) return undefined;
      if (least === undefined || found.times < least.times) least = found;
    }
    return least;
  }

  /** Notes that an answer put a short value in the place of another, `before` of which is known, beside each of these long ones. */
  replaced(longs: readonly string[], before: Continued | undefined, short: string): void {
    const next = { times: (before?.times ?? 0) + 1, first: before?.first ?? short };
    for (const long of longs)
      if ((this.#continued.peek(long + short)?.times ?? 0) < next.times)
        this.#continued.set(long + short, next);
  }

  /** Notes that a long value (by its mark) came with a short one of this name. */
  came(long: string, name: string, short: string): void {
    const key = `${long}${name}`;
    const known = this.#companions.get(key) ?? [];
    if (known.includes(short)) return;
    this.#companions.set(key, [...known, short]);
    if (known.length + 1 < COMPANIONS_FOR_SHARED) return;
    this.#shared.set(long, true);
    this.#companions.delete(key);
  }

  /** Whether a long value (by its mark) is several people's. `mark` is asked for only where any is. */
  isShared(mark: () => string): boolean {
    return !this.#shared.isEmpty && this.#shared.has(mark());
  }

  /**
   * Notes that an answer of this host gave a pair (and its mark) to a stranger of this network: a site does not know who that is, so
   * the pair is no name, unless it is made of the address or the program that asks. What another host gives says nothing of it:
   * that may be somebody else's.
   */
  giveStranger(host: string, pair: Pair, mark: () => string, network: string): void {
    const text = textOf(host, pair);
    if (text.length > MOST_EVERYBODYS_CHARS || AMBIGUOUS.test(pair.value)) return;
    if (this.#tell(host + mark(), network) >= STRANGERS_FOR_EVERYBODYS) this.#everybodys.set(text, true);
  }

  /** Whether so many strangers were given this pair that it is no credential. */
  isEverybodys(host: string, pair: Pair): boolean {
    return !this.#everybodys.isEmpty && this.#everybodys.get(textOf(host, pair)) === true;
  }

  /** Notes that an answer gave a time (by its mark) to a session that did not show it, or to a stranger of a network. */
  giveTime(host: string, time: string, to: string): void {
    this.#tell(host + time, to);
  }

  /** Whether a time (by its mark) was given to several, so that it tells nobody from anybody. */
  isSharedTime(host: string, time: string): boolean {
    return (this.#told.get(host + time)?.length ?? 0) >= SESSIONS_FOR_SHARED_TIME;
  }

  /** How many different ones were given it, up to STRANGERS_FOR_EVERYBODYS. */
  #tell(mark: string, to: string): number {
    const known = this.#told.get(mark) ?? [];
    if (known.length >= STRANGERS_FOR_EVERYBODYS || known.includes(to)) return known.length;
    this.#told.set(mark, [...known, to]);
    return known.length + 1;
  }
}

/** No host has a space. */
const textOf = (host: string, { name, value }: Pair): string => `${host} ${name}=${value}`;
