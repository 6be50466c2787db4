import { expect, it } from "vitest";
import { rememberReading } from "../../../protocol/http/remember-reading.ts";

const counting = () => {
  const reads: string[] = [];
  const read = rememberReading((text) => {
    reads.push(text);
    return text.length;
  });
  return { reads, read };
};

it("reads a text once, whatever it means", () => {
  const { reads, read } = counting();
  expect(["ab", "", "ab", "", "c"].map(read)).toEqual([2, 0, 2, 0, 1]);
  expect(reads).toEqual(["ab", "", "c"]);
});

it("forgets the longest unused of 257 texts", () => {
  const { reads, read } = counting();
  for (let i = 0; i < 256; i++) read(`${i}`);
  read("0");
  read("one more");
  reads.length = 0;
  for (const text of ["0", "2", "255", "one more", "1"]) read(text);
  expect(reads).toEqual(["1"]);
});

it("keeps no text of more than 256 characters", () => {
  const { reads, read } = counting();
  for (const length of [256, 257, 256, 257]) read("x".repeat(length));
  expect(reads.map(({ length }) => length)).toEqual([256, 257, 257]);
});
