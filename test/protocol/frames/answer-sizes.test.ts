// What an open frame asks about the size of its answer, and the padding of exactly that many bytes.
import { expect, it } from "vitest";
import {
  answerSizesExtension,
  answerSizesOf,
  paddingExtension,
} from "../../../protocol/frames/answer-sizes.ts";
import { ByteWriter } from "../../../protocol/wire/bytes.ts";
import { EXTENSION, writeSizedExtensions } from "../../../protocol/wire/extensions.ts";

it.each([
  [{ kind: "plain" }],
  [{ kind: "padded", step: 64, streams: true }],
  [{ kind: "padded", step: 512, streams: false }],
  [{ kind: "padded", step: 64, streams: true, others: 13 }],
] as const)("%j is read as it was written", (sizes) => {
  expect(answerSizesOf([answerSizesExtension(sizes)])).toEqual(sizes);
});

it("steps that would fill the link are a bad frame, and what is not said is nothing", () => {
  const writer = new ByteWriter();
  writer.varint(4097).u8(1);
  expect(() => answerSizesOf([{ tag: EXTENSION.answerSizes, bytes: writer.take() }])).toThrow("4097");
  expect(answerSizesOf([])).toBeUndefined();
});

it("padding makes a frame longer by what it says, or by one more where lengths grow", () => {
  const sizeOf = (extensions: readonly { tag: number; bytes: Buffer }[]): number => {
    const writer = new ByteWriter();
    writeSizedExtensions(writer, extensions);
    return writer.take().length;
  };
  const off: number[] = [];
  for (let bytes = 2; bytes <= 1100; bytes++) {
    const more = sizeOf([paddingExtension(bytes)]) - sizeOf([]);
    expect([bytes, bytes + 1]).toContain(more);
    if (more !== bytes) off.push(bytes);
  }
  expect(off).toEqual([128, 131]);
});
