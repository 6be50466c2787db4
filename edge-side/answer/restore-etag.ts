/**
 * The ETag that an answer's head left out, because it is a hash of the body by a formula that both sides know. It is made here from
 * the verified page, or comes with the plain bytes that follow a mismatch. No head goes out without it. SPEC section "Entity
 * tags".
 */

import { StreamError } from "../../protocol/errors.ts";
import { isBuffered } from "../../protocol/frames/answer-form.ts";
import {
  formulaNamed,
  isEntityTag,
  type NamedFormula,
  placeOfTag,
  tagBy,
} from "../../protocol/frames/etag-formulas.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";

export class RestoredEtag {
  /** The head as it came, with an empty ETag. */
  readonly list: HeaderList;
  readonly #formula: NamedFormula;
  #tag: string | undefined;

  private constructor(list: HeaderList, formula: NamedFormula) {
    this.list = list;
    this.#formula = formula;
  }

  /**
   * `agreed`: both sides know omitted ETags. Undefined where the head has its tag, or never had one. In the head of a streamed answer the
   * name of a formula stays as it is: a control character, for which the head is refused.
   */
  static of({ form, head }: AnswerFrame, agreed: boolean): RestoredEtag | undefined {
    if (!agreed || !isBuffered(form)) return undefined;
    const place = placeOfTag(head);
    const formula = place === undefined ? undefined : formulaNamed(head[place] ?? "");
    return place === undefined || formula === undefined
      ? undefined
      : new RestoredEtag(head.with(place, ""), formula);
  }

  /** The page is rebuilt, and verified. */
  madeOf(body: Buffer, fingerprint: Fingerprint): void {
    this.#tag ??= tagBy(this.#formula, { body, fingerprint });
  }

  /** Plain bytes begin in the place of the page, with its tag. Throws StreamError. */
  resumed(tag: string | undefined): void {
    if (tag === undefined || !isEntityTag(tag))
      throw new StreamError("internal", "a resume without the entity tag that the head left out");
    this.#tag = tag;
  }

  /** The head with its tag, once the page is rebuilt or its first plain bytes are here. Throws StreamError before. */
  into(head: ResponseHead): ResponseHead {
    const tag = this.#tag;
    if (tag === undefined) throw new StreamError("internal", "no entity tag for a head that left it out");
    const place = placeOfTag(head.fields);
    return place === undefined ? head : { ...head, fields: head.fields.with(place, tag) };
  }
}

/** Plain bytes begin, with this tag; `left`: what their head had left out. Throws StreamError where the two do not fit. */
export const tagResumed = (left: RestoredEtag | undefined, tag: string | undefined): void => {
  if (left !== undefined) left.resumed(tag);
  else if (tag !== undefined)
    throw new StreamError("internal", "a resume with an entity tag that no head left out");
};
