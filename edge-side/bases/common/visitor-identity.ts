/**
 * Who is the same person: everyone who ever showed one credential, and whoever a response gave new ones. One person with
 * a cookie that changes with every page is many sessions, and would otherwise count as many people. Bounded: when there is
 * no room for more marks all are forgotten, and who asks learns that what it knew of people is void. SPEC section "Scope".
 */

/** Marks kept of one partition's people; one takes about 150 bytes. */
const MOST_MARKS_OF_PEOPLE = 5_000;

/** Stands for a person until it turns out to be another one too. */
export interface Person {
  /** The one it is part of. */
  same: Person | undefined;
}

export class VisitorIdentities {
  readonly #byMark = new Map<string, Person>();
  readonly #mostMarks: number;
  #epoch = 0;

  constructor(mostMarks = MOST_MARKS_OF_PEOPLE) {
    this.#mostMarks = mostMarks;
  }

  /** Changes when all was forgotten: people told before are no people of now. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The person who showed all these marks; undefined without any. */
  of(marks: readonly string[]): Person | undefined {
    const [first] = marks;
    if (first === undefined) return undefined;
    if (this.#byMark.size + marks.length > this.#mostMarks) {
      this.#byMark.clear();
      this.#epoch += 1;
    }
    const known = marks.flatMap((mark) => this.#byMark.get(mark) ?? []);
    const person = known[0] === undefined ? { same: undefined } : rootOf(known[0]);
    for (const other of known.map(rootOf)) if (other !== person) other.same = person;
    for (const mark of marks) this.#byMark.set(mark, person);
    return person;
  }
}

/** Who a person is by all that is known now. */
export const rootOf = (person: Person): Person => {
  let root = person;
  while (root.same !== undefined) root = root.same;
  // Whoever is asked for again finds it at once.
  for (let each = person; each.same !== undefined; ) {
    const { same } = each;
    if (same !== root && each !== root) each.same = root;
    each = same;
  }
  return root;
};
