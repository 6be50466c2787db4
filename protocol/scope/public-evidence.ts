/**
 * Public by evidence: the same bytes made for enough different people are nobody's secret. Sessions are not people: a
 * renewed login or a cookie that changes with every page makes new sessions of one person. So sessions with a mark in
 * common count once, those without any mark do not count, and two are not enough. SPEC section "Scope".
 */

import { MARK_CHARS } from "./credentials.ts";

/**
 * Different people who must have been sent the same bytes. Three, as for a common base: one person with two devices,
 * or one who logged out and in again, is two.
 */
export const IDENTITIES_FOR_PUBLIC = 3;

/** Marks kept per person: one whose cookies change with every page must not fill the memory. @internal */
export const MOST_MARKS_KEPT = 64;

export class Evidence {
  /** One string of marks, end to end, per person: most evidence ever kept is that of one. */
  #identities: string[] = [];

  /** Adds a session by its marks. */
  add(marks: readonly string[]): void {
    if (marks.length === 0) return;
    const same = this.#identities.filter((person) => marks.some((mark) => has(person, mark)));
    const others = this.#identities.filter((person) => !same.includes(person));
    // Where it shares marks with several, they may all be one person after all.
    const known = same.flatMap((person) => marksOf(person));
    const all = [...new Set([...known, ...marks])].slice(0, MOST_MARKS_KEPT);
    this.#identities = [...others, all.join("")];
  }

  get identities(): number {
    return this.#identities.length;
  }

  /** Bytes of the marks kept. */
  get bytes(): number {
    return this.#identities.reduce((sum, person) => sum + person.length, 0);
  }
}

const marksOf = (person: string): string[] =>
  Array.from({ length: person.length / MARK_CHARS }, (_, at) =>
    person.slice(at * MARK_CHARS, (at + 1) * MARK_CHARS),
  );

const has = (person: string, mark: string): boolean => marksOf(person).includes(mark);
