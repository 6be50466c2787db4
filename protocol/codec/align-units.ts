/**
 * Where a page has whole units of its bases again. Which runs are found depends on one thing only, which units are equal, so
 * the size of a delta that copies nothing else tells of no part of a unit. For pages of 80 KB it takes a millisecond. SPEC
 * section "Units".
 */
import { randomInt } from "node:crypto";
import type { Step } from "./align.ts";
import { unitStarts } from "./page-units.ts";

/** A shorter run costs more than its bytes; one that stands where it is expected costs less. */
const LEAST_RUN_BYTES = 16;
const LEAST_EXPECTED_BYTES = 6;
/** A run that begins where the last one ended, and is as long, is taken without looking for another. */
const SURE_BYTES = 64;
/** A unit as long is looked for by itself; a shorter one with the next, which is rarer. */
const LEAST_RARE_BYTES = 32;
/**
 * Of all bases, and of the page: no run is looked for among more, as a page of nothing but line feeds has. So many take
 * 0.1 s where each is a line feed, a page of 580 KB has 39 thousand. @internal
 */
export const MOST_UNITS = 2 ** 18;
/** Places of the bases at which a run is looked for. */
const MOST_PLACES = 16;

/**
 * Slots are of this run, so that nobody makes units that share one, nor learns by them where another one is. Which runs
 * are found does not depend on them.
 */
const FACTORS = { unit: 2 * randomInt(2 ** 31) + 1, after: 2 * randomInt(2 ** 31) + 1 } as const;

interface Units {
  readonly bytes: Buffer;
  readonly starts: Int32Array;
  readonly hashes: Int32Array;
}

const sizeOf = ({ starts }: Units, unit: number, units: number): number =>
  (starts[unit + units] as number) - (starts[unit] as number);

/** Units are looked for where this and the one itself are alike: the unit behind a short one, or -1. */
const afterOf = ({ hashes, starts }: Units, at: number): number => {
  const isLong = (starts[at + 1] as number) - (starts[at] as number) >= LEAST_RARE_BYTES;
  return isLong ? -1 : (hashes[at + 1] ?? -1);
};

interface Run {
  /** The unit of the bases that it begins with. */
  readonly place: number;
  readonly units: number;
}

/** Where whole units stand in the bases; pieces of one page are looked for in their order. */
export class UnitRuns {
  readonly #theirs: Units;
  /**
   * A place of each slot, one of the next units that share it, and the next place of the same units: others do not
   * count among MOST_PLACES.
   */
  readonly #first: Int32Array;
  readonly #others: Int32Array;
  readonly #next: Int32Array;
  readonly #shift: number;
  /** The place of the bases where the page would go on, had as many units been put in as were taken out. */
  #expected = 0;

  /** Undefined where a base is no text, or they have more than MOST_UNITS. */
  static of(bases: readonly Buffer[]): UnitRuns | undefined {
    const theirs = unitsOf(bases);
    return theirs && new UnitRuns(theirs);
  }

  private constructor(theirs: Units) {
    this.#theirs = theirs;
    const { length } = theirs.hashes;
    const bits = Math.max(4, Math.ceil(Math.log2(length + 1)) + 1);
    this.#shift = 32 - bits;
    this.#first = new Int32Array(2 ** bits).fill(-1);
    this.#others = new Int32Array(length);
    this.#next = new Int32Array(length);
    // Of the same units the last place comes first: best bases stand last.
    for (let at = 0; at < length; at++) this.#put(at);
  }

  /** Where each unit begins in the bases, and where the last one ends. */
  get starts(): Int32Array {
    return this.#theirs.starts;
  }

  #put(at: number): void {
    const slot = this.#slotAt(this.#theirs, at);
    const { before, place } = this.#find(this.#theirs, at, slot);
    this.#next[at] = place;
    this.#others[at] = (place < 0 ? this.#first[slot] : this.#others[place]) as number;
    if (place < 0 || before < 0) this.#first[slot] = at;
    else this.#others[before] = at;
  }

  /** A unit of the page that is looked for in no base. */
  skip(): void {
    this.#expected += 1;
  }

  /**
   * The steps that make the next whole units of a page of the bases, one behind the other. Undefined where they are no text or more than
   * MOST_UNITS, or take more than `mostSteps`. `from`: where the step before them ended in the bases.
   */
  align(
    units: Buffer,
    { mostSteps, from: before }: { readonly mostSteps: number; readonly from: number },
  ): readonly Step[] | undefined {
    const own = unitsOf([units]);
    if (own === undefined) return undefined;
    const steps: { from: number; copy: number; add: number }[] = [{ from: before, copy: 0, add: 0 }];
    for (let at = 0; at < own.hashes.length; ) {
      const last = steps.at(-1) as (typeof steps)[number];
      const run = this.#runAt(own, at);
      if (run === undefined) {
        last.add += sizeOf(own, at, 1);
        this.skip();
        at += 1;
        continue;
      }
      const from = this.#theirs.starts[run.place] as number;
      const copy = sizeOf(own, at, run.units);
      if (last.add === 0 && last.from + last.copy === from) last.copy += copy;
      else steps.push({ from, copy, add: 0 });
      if (steps.length > mostSteps) return undefined;
      at += run.units;
    }
    return steps;
  }

  /** The run that begins with this unit of the page; undefined where it is better told. */
  #runAt(own: Units, at: number): Run | undefined {
    let best = { place: this.#expected, units: this.#unitsFrom(own, at, this.#expected) };
    let bytes = sizeOf(own, at, best.units);
    let least = LEAST_EXPECTED_BYTES;
    if (bytes < SURE_BYTES) {
      let { place } = this.#find(own, at, this.#slotAt(own, at));
      for (let tried = 0; place >= 0 && tried < MOST_PLACES; tried++) {
        const units = this.#unitsFrom(own, at, place);
        const found = sizeOf(own, at, units);
        if (found >= LEAST_RUN_BYTES && found > bytes) {
          best = { place, units };
          bytes = found;
          least = LEAST_RUN_BYTES;
        }
        place = this.#next[place] as number;
      }
    }
    if (bytes < least || !this.#isEqual(own, at, best)) return undefined;
    this.#expected = best.place + best.units;
    return best;
  }

  #slotAt(units: Units, at: number): number {
    const unit = Math.imul(units.hashes[at] as number, FACTORS.unit);
    return (unit ^ Math.imul(afterOf(units, at), FACTORS.after)) >>> this.#shift;
  }

  /** Where the same units stand first in a slot, and those before them in it; -1: nowhere. */
  #find(units: Units, at: number, slot: number): { readonly before: number; readonly place: number } {
    const hash = units.hashes[at];
    const after = afterOf(units, at);
    let before = -1;
    let place = this.#first[slot] as number;
    while (place >= 0 && (this.#theirs.hashes[place] !== hash || afterOf(this.#theirs, place) !== after)) {
      before = place;
      place = this.#others[place] as number;
    }
    return { before, place };
  }

  /** So many units seem to be the same from these places on. */
  #unitsFrom({ hashes: own }: Units, at: number, place: number): number {
    const theirs = this.#theirs.hashes;
    const most = Math.min(own.length - at, theirs.length - place);
    let units = 0;
    while (units < most && own[at + units] === theirs[place + units]) units++;
    return units;
  }

  #isEqual(own: Units, at: number, { place, units }: Run): boolean {
    const from = own.starts[at] as number;
    const to = own.starts[at + units] as number;
    const start = this.#theirs.starts[place] as number;
    const end = this.#theirs.starts[place + units] as number;
    return this.#theirs.bytes.compare(own.bytes, from, to, start, end) === 0;
  }
}

/**
 * Where the units of texts begin, one text behind the other, and where the last one ends; none is of two of them.
 * Undefined for no texts, or more than `most` units.
 */
export const startsOf = (
  texts: readonly Buffer[],
  most = Number.POSITIVE_INFINITY,
): Int32Array | undefined => {
  const cuts: Int32Array[] = [];
  let room = most;
  for (const text of texts) {
    const cut = unitStarts(text, room);
    if (cut === undefined) return undefined;
    room -= cut.length - 1;
    cuts.push(cut);
  }
  const [only] = cuts;
  if (cuts.length === 1 && only !== undefined) return only;
  const starts = new Int32Array(cuts.reduce((units, { length }) => units + length - 1, 1));
  let at = 0;
  let before = 0;
  for (const cut of cuts) {
    for (let unit = 0; unit + 1 < cut.length; unit++) starts[at++] = before + (cut[unit] as number);
    before += cut.at(-1) ?? 0;
  }
  starts[at] = before;
  return starts;
};

const unitsOf = (texts: readonly Buffer[]): Units | undefined => {
  const starts = startsOf(texts, MOST_UNITS);
  if (starts === undefined) return undefined;
  const [only] = texts;
  const bytes = texts.length === 1 && only !== undefined ? only : Buffer.concat(texts);
  const hashes = new Int32Array(starts.length - 1);
  for (let unit = 0; unit < hashes.length; unit++) {
    let hash = 0x811c9dc5;
    const end = starts[unit + 1] as number;
    // FNV-1a; the length is part of it, and what is copied is compared.
    for (let at = starts[unit] as number; at < end; at++)
      hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    hashes[unit] = hash;
  }
  return { bytes, starts, hashes };
};
