// The extension that says how a request's body is coded: bytes by hand, and what no edge says.
import { describe, expect, it } from "vitest";
import {
  MOST_ONE_PIECE_BYTES,
  ONE_PIECE_OVERHEAD_BYTES,
  type RequestCoding,
  requestCodingExtension,
  requestCodingOf,
} from "../../../protocol/frames/request-coding.ts";
import type { Extension } from "../../../protocol/wire/extensions.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const DIGEST = "9f86d081884c7d659a2feaa0c55ad015";
const RESULT = hex(DIGEST).toString("latin1");
const extension = (bytes: string): readonly Extension[] => [{ tag: 1, bytes: hex(bytes) }];

const CODINGS: readonly (readonly [string, RequestCoding, string])[] = [
  ["in segments: the codec alone", { kind: "streamed" }, "01"],
  ["in one piece of 300 bytes", { kind: "buffered", size: 300, result: RESULT }, `01 ac02 ${DIGEST}`],
  ["of 1 byte", { kind: "buffered", size: 1, result: RESULT }, `01 01 ${DIGEST}`],
  [
    "of 65,536 bytes",
    { kind: "buffered", size: MOST_ONE_PIECE_BYTES, result: RESULT },
    `01 808004 ${DIGEST}`,
  ],
];

it.each(CODINGS)("a body %s has these bytes, both ways", (_, coding, bytes) => {
  const written = requestCodingExtension(coding);
  expect(written).toEqual({ tag: 1, bytes: hex(bytes) });
  expect(requestCodingOf([written])).toEqual(coding);
});

it.each(CODINGS)("a body %s takes no more of the open frame than is reckoned", (_, coding) => {
  // As the open frame holds it: its own tag and length before it.
  expect(requestCodingExtension(coding).bytes.length + 2).toBeLessThanOrEqual(ONE_PIECE_OVERHEAD_BYTES);
});

it("without the extension a body is as it is", () => {
  expect(requestCodingOf([])).toBeUndefined();
  expect(requestCodingOf([{ tag: 2, bytes: hex("01") }])).toBeUndefined();
});

describe("a bad frame is", () => {
  it.each([
    ["no codec", ""],
    ["vcdiff", "02"],
    ["as it is, in segments", "00"],
    ["splice in one piece", `03 01 ${DIGEST}`],
    ["as it is in one piece", `00 01 ${DIGEST}`],
    ["a size without a result", "01 05"],
    ["a result that is short", `01 05 ${DIGEST.slice(2)}`],
    ["an empty body", `01 00 ${DIGEST}`],
    ["a body of 65,537 bytes", `01 818004 ${DIGEST}`],
    ["a size that is longer than it need be", `01 8500 ${DIGEST}`],
    ["a retired codec", `04 05 ${DIGEST}`],
    ["a count of bases, as until 0.2.0", `01 05 ${DIGEST} 00`],
  ])("%s", (_, bytes) => {
    expect(() => requestCodingOf(extension(bytes))).toThrow(expect.objectContaining({ code: "bad-frame" }));
  });
});
