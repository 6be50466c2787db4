/**
 * The first bytes of an answer: how its body travels and what verifies it. One byte holds the form in its high half and
 * whether the answer ends with this frame in its lowest bit. SPEC section "Answers".
 */

import { LinkError } from "../errors.ts";
import type { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { type AnswerForm, DIGEST_BYTES } from "./frame.ts";

/**
 * The feature that both hellos name where a delta may be one of folded pages; it stands for exactly the tokens of SPEC
 * section "Masked tokens".
 */
export const MASKED_TOKENS = "masked-tokens";
/** The feature that both hellos name where splices of whole units may stream, and be told in units. SPEC section "Codecs". */
export const UNITS_READ = "units";

const FORM = {
  interim: 0x00,
  passed: 0x10,
  same: 0x20,
  delta: 0x30,
  deltaStreamed: 0x40,
  whole: 0x50,
  wholeStreamed: 0x60,
};
const ENDED = 0x01;

const formNumber = (form: AnswerForm): number => {
  switch (form.kind) {
    case "delta":
      return form.digest.of === "result" ? FORM.delta : FORM.deltaStreamed;
    case "whole":
      return form.result === undefined ? FORM.wholeStreamed : FORM.whole;
    default:
      return FORM[form.kind];
  }
};

const write = (w: ByteWriter, form: AnswerForm, ended: boolean): void => {
  w.u8(formNumber(form) | (ended ? ENDED : 0));
  switch (form.kind) {
    case "same":
      w.u8(form.offer).latin1(form.result);
      break;
    case "delta":
      w.u8(form.codec).u8(form.offers).latin1(form.digest.digest);
      break;
    case "whole":
      w.u8(form.codec).latin1(form.result ?? "");
      break;
    default: // interim and passed have nothing more to say
  }
};

const readForm = (r: ByteReader, number: number): AnswerForm => {
  switch (number) {
    case FORM.interim:
      return { kind: "interim" };
    case FORM.passed:
      return { kind: "passed" };
    case FORM.same:
      return { kind: "same", offer: r.u8(), result: r.latin1(DIGEST_BYTES) };
    case FORM.delta:
      return {
        kind: "delta",
        codec: r.u8(),
        offers: r.u8(),
        digest: { of: "result", digest: r.latin1(DIGEST_BYTES) },
      };
    case FORM.deltaStreamed:
      return {
        kind: "delta",
        codec: r.u8(),
        offers: r.u8(),
        digest: { of: "bases", digest: r.latin1(DIGEST_BYTES) },
      };
    case FORM.whole:
      return { kind: "whole", codec: r.u8(), result: r.latin1(DIGEST_BYTES) };
    case FORM.wholeStreamed:
      return { kind: "whole", codec: r.u8(), result: undefined };
    default:
      throw new LinkError("bad-frame", `unknown answer form 0x${number.toString(16)}`);
  }
};

/** `first`: the byte that was read already. */
const read = (r: ByteReader, first: number): { form: AnswerForm; ended: boolean } => ({
  form: readForm(r, first & 0xf0),
  ended: (first & ENDED) !== 0,
});

export const answerForms = { write, read };

/** Whether the body comes out whole or not at all, so the answer's head can wait for it. */
export const isBuffered = (form: AnswerForm): boolean => {
  if (form.kind === "delta") return form.digest.of === "result";
  return form.kind === "same" || (form.kind === "whole" && form.result !== undefined);
};
