/**
 * What answers have made of cookies so far, as far as it tells whose session goes on and whose secret is none: values given to
 * one session only, short values that a session's own answers replace again and again (the time of the last visit), and
 * long values that come with other short ones each time. Only keyed hashes are kept, within bounds: what was forgotten
 * costs a base. SPEC section "Renewed credentials".
 */
import { LRUCache } from "lru-cache";
import type { SessionKey } from "./session-key.ts";

/** Values remembered as given; about 130 bytes each. */
const MOST_GIVEN = 16_384;
/** Sessions whose short values were replaced, about 300 bytes each. @internal */
export const MOST_CONTINUED = 8_192;
const MOST_COMPANIONS = 8_192;
/** Names of short cookies that one session may have replaced. */
const MOST_NAMES = 32;
/** A value that an answer replaced once may have been a login. */
const REPLACED_FOR_SETTLED = 2;
/** A long value that came with so many short ones of one name belongs to so many people. */
const COMPANIONS_FOR_SHARED = 3;

/** Sessions that are one, by their short values alone. */
interface Continued {
  /** How often an answer replaced each name; the same map for all of them. */
  readonly replaced: Map<string, number>;
  /** The session under whose name their versions are. */
  readonly session: SessionKey;
  /** An answer made it, and not the visitor. */
  readonly made: boolean;
}

/** Whom a value was given to. */
type Given = SessionKey | "several";

export class CookieHistory {
  readonly #given = new LRUCache<string, Given>({ max: MOST_GIVEN });
  readonly #continued = new LRUCache<SessionKey, Continued>({ max: MOST_CONTINUED });
  readonly #companions = new LRUCache<string, readonly string[]>({ max: MOST_COMPANIONS });
  readonly #shared = new LRUCache<string, true>({ max: MOST_COMPANIONS });

  /** Notes that an answer gave a value (by its mark) to a session that has it or not, or to a stranger; whether it is nobody else's. */
  give(value: string, to: SessionKey | undefined, isHeld: boolean): boolean {
    const before = this.#given.get(value);
    if (isHeld && before !== undefined) return true;
    const alone = to !== undefined && (before === undefined || before === to);
    this.#given.set(value, alone ? to : "several");
    return alone;
  }

  /** The session under whose name the versions of one are. */
  nameOf(session: SessionKey): SessionKey {
    return this.#continued.get(session)?.session ?? session;
  }

  /** Whether an answer of the session's own made it what it is by replacing a short value. */
  isContinued(session: SessionKey): boolean {
    return this.#continued.get(session)?.made === true;
  }

  /** Whether answers have replaced the short values of these names often enough to be neither login nor logout. */
  isSettled(session: SessionKey, names: Iterable<string>): boolean {
    const replaced = this.#continued.peek(session)?.replaced;
    for (const name of names) if ((replaced?.get(name) ?? 0) < REPLACED_FOR_SETTLED) return false;
    return true;
  }

  /**
   * Notes that an answer replaced the short values of these names, which makes `next` of a session; `renewed`: and a secret.
   * Whether those values are settled: then both are one session, unless a secret makes it another.
   */
  replaces(session: SessionKey, names: ReadonlySet<string>, next: SessionKey, renewed: boolean): boolean {
    const known = this.#continued.get(session);
    if (known === undefined && names.size === 0) return true;
    const replaced = known?.replaced ?? new Map<string, number>();
    for (const name of names)
      if (replaced.size < MOST_NAMES || replaced.has(name)) replaced.set(name, (replaced.get(name) ?? 0) + 1);
    // Under the old name too, for the page of this very answer.
    if (known === undefined) this.#continued.set(session, { replaced, session, made: false });
    const settled = this.isSettled(session, names);
    const name = settled && !renewed ? this.nameOf(session) : next;
    this.#continued.set(next, { replaced, session: name, made: true });
    return settled;
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
    return this.#shared.size > 0 && this.#shared.has(mark());
  }
}
