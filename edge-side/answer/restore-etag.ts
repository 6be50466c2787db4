/**
 * The ETag that an answer's head left out, because it is a hash of the body by a formula that both sides know: made here of the
 * proved page, or told with the plain bytes that follow a doubt. A head without its tag never gets out. SPEC section "Entity
 * tags".
 */

import { StreamError } from "../../protocol/errors.ts";
import { inOnePiece } from "../../protocol/frames/answer-form.ts";
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
import type { RebuildGiven } from "./decode-context.ts";

export class LeftOutTag {
  /** The head as it came, with an empty ETag. */
  readonly list: HeaderList;
  readonly #formula: NamedFormula;
  #tag: string | undefined;

  private constructor(list: HeaderList, formula: NamedFormula) {
    this.list = list;
    this.#formula = formula;
  }

  /**
   * `agreed`: both sides speak of left out tags. Undefined where the head says its tag, or has none. A name in any other head
   * stays in it: a control character, with which no head goes on.
   */
  static of({ form, head }: AnswerFrame, agreed: boolean): LeftOutTag | undefined {
    if (!agreed || !inOnePiece(form)) return undefined;
    const place = placeOfTag(head);
    const formula = place === undefined ? undefined : formulaNamed(head[place] ?? "");
    return place === undefined || formula === undefined
      ? undefined
      : new LeftOutTag(head.with(place, ""), formula);
  }

  /** What rebuilding the page needs, and tells the tag on the way. */
  rebuilding(given: RebuildGiven): RebuildGiven {
    return {
      ...given,
      remember: (body: Buffer, fingerprint: Fingerprint) => {
        this.#tag ??= tagBy(this.#formula, { body, fingerprint });
        given.remember(body, fingerprint);
      },
      resumed: (tag) => {
        if (tag === undefined || !isEntityTag(tag))
          throw new StreamError("internal", "a resume without the entity tag that the head left out");
        this.#tag = tag;
      },
    };
  }

  /** The head with its tag, once the page is rebuilt or its first plain bytes are here. Throws StreamError before. */
  into(head: ResponseHead): ResponseHead {
    const tag = this.#tag;
    if (tag === undefined) throw new StreamError("internal", "no entity tag for a head that left it out");
    const place = placeOfTag(head.fields);
    return place === undefined ? head : { ...head, fields: head.fields.with(place, tag) };
  }
}
