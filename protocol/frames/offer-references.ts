/**
 * The versions that one link carried of late: a request offers one by how many streams ago an answer named it, or by
 * how many pushes ago it was pushed. The edge notes what it read, the origin side what it wrote, and of pushes the
 * other way round. A number that says nothing is an offer that is not held, so nothing can come out of step. SPEC
 * section "Offers".
 */
import { SHORT_FINGERPRINT_BYTES } from "../store/fingerprint.ts";
import type { AnswerForm } from "./frame.ts";

/** A reference reaches back less than this many streams; a side remembers as many. @internal */
export const REACH_STREAMS = 2048;
/** The feature of the hello: offers refer to pushes too, by REACH_STREAMS and how many came since. */
export const PUSHES_NAMED = "pushes-named";
/** A side remembers as many pushes. @internal */
export const REACH_PUSHES = 128;
/** What stands for an offer that nobody can know: no version has a fingerprint without bytes. @internal */
export const NOT_HELD = "";

interface Carried {
  readonly streamId: number;
  /** The short fingerprint. */
  readonly short: string;
}

/** Of the origin side, which looks streams up. */
export class CarriedVersions {
  readonly #ring: (Carried | undefined)[] = [];
  /** The short fingerprints of the last pushes, the oldest first. */
  readonly #pushed: string[] = [];

  /** An answer crossed: of forms that name their result the version is remembered. */
  answered(streamId: number, form: AnswerForm): void {
    const result = resultOf(form);
    if (result !== undefined) this.note({ streamId, short: result.slice(0, SHORT_FINGERPRINT_BYTES) });
  }

  /** A version of this fingerprint, or the beginning of it, was pushed. */
  pushed(result: string): void {
    if (this.#pushed.push(result.slice(0, SHORT_FINGERPRINT_BYTES)) > REACH_PUSHES) this.#pushed.shift();
  }

  /** The version that the answer `distance` streams before `streamId` named; NOT_HELD if none is known. */
  at(streamId: number, distance: number): string {
    if (distance >= REACH_STREAMS) return this.#pushed.at(REACH_STREAMS - 1 - distance) ?? NOT_HELD;
    const wanted = streamId - distance;
    if (wanted < 1) return NOT_HELD;
    const found = this.#ring[wanted % REACH_STREAMS];
    return found?.streamId === wanted ? found.short : NOT_HELD;
  }

  /** What `at` gives for each distance; short fingerprints stay as they are. */
  allAt(streamId: number, offers: readonly (string | number)[]): string[] {
    const shorts: string[] = [];
    for (const offer of offers) shorts.push(typeof offer === "string" ? offer : this.at(streamId, offer));
    return shorts;
  }

  /** `distanceTo` of each. */
  distancesTo(shorts: readonly string[], streamId: number): (number | undefined)[] {
    const distances: (number | undefined)[] = [];
    for (const short of shorts) distances.push(this.distanceTo(short, streamId));
    return distances;
  }

  /** Undefined on a side that makes no offers. */
  distanceTo(_short: string, _streamId: number): number | undefined {
    return undefined;
  }

  /** What names the last push of this version, if that is within reach. */
  protected distanceToPush(short: string): number | undefined {
    const at = this.#pushed.lastIndexOf(short);
    return at < 0 ? undefined : REACH_STREAMS + this.#pushed.length - 1 - at;
  }

  /** Returns what it takes the place of. */
  protected note(carried: Carried): Carried | undefined {
    const place = carried.streamId % REACH_STREAMS;
    const replaced = this.#ring[place];
    this.#ring[place] = carried;
    return replaced;
  }
}

/** Of the edge, which looks versions up. */
export class ReferableVersions extends CarriedVersions {
  readonly #streamOf = new Map<string, number>();
  readonly #pushesNamed: boolean;

  /** `pushesNamed`: both sides name that feature. */
  constructor(pushesNamed = false) {
    super();
    this.#pushesNamed = pushesNamed;
  }

  /** How many streams before `streamId` an answer last named this version, or what names its push, if that is within reach. */
  override distanceTo(short: string, streamId: number): number | undefined {
    const distance = streamId - (this.#streamOf.get(short) ?? Number.NEGATIVE_INFINITY);
    if (distance > 0 && distance < REACH_STREAMS) return distance;
    return this.#pushesNamed ? this.distanceToPush(short) : undefined;
  }

  protected override note(carried: Carried): Carried | undefined {
    const replaced = super.note(carried);
    if (replaced !== undefined && this.#streamOf.get(replaced.short) === replaced.streamId)
      this.#streamOf.delete(replaced.short);
    this.#streamOf.set(carried.short, carried.streamId);
    return replaced;
  }
}

const resultOf = (form: AnswerForm): string | undefined => {
  if (form.kind === "same" || form.kind === "whole") return form.result;
  return form.kind === "delta" && form.digest.of === "result" ? form.digest.digest : undefined;
};
