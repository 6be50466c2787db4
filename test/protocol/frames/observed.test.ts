import { expect, it } from "vitest";
import {
  ownRequestId,
  requestIdExtension,
  requestIdOf,
  timingsExtension,
  timingsOf,
} from "../../../protocol/frames/observed.ts";
import { EXTENSION } from "../../../protocol/wire/extensions.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

it.each([
  [["X-Request-Id", "r-1", "traceparent", `00-${TRACE}-00f067aa0ba902b7-01`], "r-1"],
  [["traceparent", `00-${TRACE}-00f067aa0ba902b7-01`], TRACE],
  [["x-request-id", 'two words"'], undefined],
  [["x-request-id", "x".repeat(65)], undefined],
  [["traceparent", "00-short"], undefined],
  [[], undefined],
])("of the fields %j the id is %s", (fields, id) => {
  expect(ownRequestId(fields)).toBe(id);
});

it("an id and timings are read as they were written", () => {
  const extensions = [requestIdExtension("a-1"), timingsExtension({ originMs: 2 })];
  expect(extensions.map(({ bytes }) => bytes.toString("hex"))).toEqual(["612d31", "4423"]);
  expect([requestIdOf(extensions), timingsOf(extensions)]).toEqual([
    "a-1",
    { originMs: expect.closeTo(2, 2) },
  ]);
  expect([requestIdOf([]), timingsOf([])]).toEqual([undefined, undefined]);
});

it("an id that no log could have is none", () => {
  expect(requestIdOf([{ tag: EXTENSION.requestId, bytes: Buffer.from('"\n') }])).toBeUndefined();
});
