import { expect, it } from "vitest";
import { type FailoverRow, failoverTable } from "../../../bench/failover/failover.ts";

const get = (from: number, until: number, status = 200): FailoverRow["gets"][number] => ({
  from,
  until,
  status,
  right: status === 200,
});

const ROW: FailoverRow = {
  scene: "all links are silent",
  way: "this",
  noticedMs: 4_440,
  possibleMs: 4_500,
  posts: 1,
  gets: [get(-30, -10), get(10, 5_160), get(40, 4_900, 503), get(70, 6_000, 0), get(4_600, 4_650)],
  post: { from: -20, until: 4_440, status: 502, right: false },
  beside: undefined,
};

const cellsOf = (row: FailoverRow) =>
  failoverTable([row]).trimEnd().split("\n").at(-1)?.trim().split(/ {2,}/);

it("the table counts what was answered, refused and lost, from the moment on from which dials could be answered", () => {
  const cells = cellsOf(ROW);
  expect(cells).toEqual([
    ...["all links are silent", "this", "4.44", "0.15", "3", "1", "1", "5.93"],
    "502 after 4.44 s, asked 1 time(s)",
  ]);
});

it("the table tells what went on beside where there was no POST", () => {
  const beside = "the stream lived on, 40 events";
  expect(cellsOf({ ...ROW, post: undefined, beside })?.at(-1)).toBe(beside);
  expect(cellsOf({ ...ROW, post: undefined })?.at(-1)).toBe("-");
});
