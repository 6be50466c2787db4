/**
 * Leaves out of a head the entity tag that the edge can make itself: one that is a hash of the page by a formula both know,
 * which is tried here first. A tag that only looks like one costs a hash now and then, not every time. SPEC section "Entity
 * tags".
 */

import {
  formulasLike,
  isHashed,
  type NamedFormula,
  nameOf,
  placeOfTag,
  type TaggedPage,
  tagBy,
} from "../../protocol/frames/etag-formulas.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import type { Partition } from "../../protocol/store/partition.ts";
import { LEISURE_LOAD } from "./coding/effort.ts";

/** Larger pages keep their tag: its 20 bytes are not worth a third of a millisecond on each side (MD5; SHA-1 takes 0.15 ms). @internal */
export const MOST_HASHED_BYTES = 256 * 1024;
/** After tags in a row that fit no formula, so many look-alikes at most are let pass unhashed. @internal */
export const MOST_PASSED = 1023;
/** Hosts and formulas that are known not to fit, at most. @internal */
export const MOST_MISFITS = 256;

/** Tags of one host that look like a formula's and are not. */
interface Misfit {
  /** In a row. */
  readonly misses: number;
  /** Look-alikes to let pass before the next one is hashed. */
  passing: number;
}

export interface HeadWithoutEtag {
  readonly head: ResponseHead;
  /** The tag that the head left out; undefined: none. */
  readonly tag: string | undefined;
}

export class OmittedEtags {
  readonly #load: Load;
  readonly #misfits = new Map<string, Misfit>();

  constructor(load: Load) {
    this.#load = load;
  }

  /** For a buffered answer, whose body the edge verifies before the head goes out. */
  leaveOut(head: ResponseHead, page: TaggedPage, partition: Partition): HeadWithoutEtag {
    const place = placeOfTag(head.fields);
    const tag = place === undefined ? undefined : head.fields[place];
    if (place === undefined || tag === undefined) return { head, tag: undefined };
    const formula = formulasLike(tag, page.body.length).find((like) =>
      this.#fits(like, tag, page, partition),
    );
    if (formula === undefined) return { head, tag: undefined };
    return { head: { ...head, fields: head.fields.with(place, nameOf(formula)) }, tag };
  }

  #fits(formula: NamedFormula, tag: string, page: TaggedPage, partition: Partition): boolean {
    if (!isHashed(formula)) return tagBy(formula, page) === tag;
    if (page.body.length > MOST_HASHED_BYTES || this.#load() > LEISURE_LOAD) return false;
    const name = `${nameOf(formula)}${partition}`;
    const misfit = this.#misfits.get(name);
    if (misfit !== undefined && misfit.passing-- > 0) return false;
    this.#misfits.delete(name);
    if (tagBy(formula, page) === tag) return true;
    this.#missed(name, (misfit?.misses ?? 0) + 1);
    return false;
  }

  #missed(name: string, misses: number): void {
    const [oldest] = this.#misfits.keys();
    if (oldest !== undefined && this.#misfits.size >= MOST_MISFITS) this.#misfits.delete(oldest);
    this.#misfits.set(name, { misses, passing: Math.min(2 ** misses - 1, MOST_PASSED) });
  }
}
