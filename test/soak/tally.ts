/** What came of the visits of a soak: within the seconds of each fault, and outside of all. */
import { OUTCOMES, type Outcome, type Visited } from "./visits.ts";

export const CALM = "outside";
type Counts = Record<Outcome, number>;

/** Flaws that are told in full. */
const MOST_TOLD = 30;

interface Span {
  readonly name: string;
  readonly from: number;
  /** Infinity while it lasts. */
  until: number;
}

export class Tally {
  readonly counts = new Map<string, Counts>();
  /** Wrong ones anywhere, and all that were not right outside the faults' own seconds. */
  readonly flaws: string[] = [];
  readonly #spans: Span[] = [];

  /** Returns what ends it, at a moment that may be still to come. */
  begin(name: string, from: number): (until: number) => void {
    const span = { name, from, until: Number.POSITIVE_INFINITY };
    this.#spans.push(span);
    return (until) => {
      span.until = until;
    };
  }

  add({ outcome, what, why }: Visited, from: number, until: number): void {
    const span = this.#spans.findLast((each) => each.from <= until && each.until >= from);
    const name = span?.name ?? CALM;
    const counts = this.counts.get(name) ?? (Object.fromEntries(OUTCOMES.map((each) => [each, 0])) as Counts);
    counts[outcome] += 1;
    this.counts.set(name, counts);
    const isFlaw = outcome === "wrong" || outcome === "hung" || (span === undefined && outcome !== "right");
    if (isFlaw && this.flaws.length < MOST_TOLD)
      this.flaws.push(
        `${outcome} at ${(until / 1000).toFixed(1)} s, after ${Math.round(until - from)} ms (${name}): ${what}: ${why}`,
      );
  }

  of(outcome: Outcome): number {
    return [...this.counts.values()].reduce((sum, counts) => sum + counts[outcome], 0);
  }

  /** Of the visits outside the faults' own seconds, those that were right. */
  get rightShare(): number {
    const counts = this.counts.get(CALM);
    if (counts === undefined) return Number.NaN;
    return counts.right / Object.values(counts).reduce((sum, count) => sum + count, 0);
  }
}
