import { beforeEach, describe, expect, it } from "vitest";
import { EVERY_MS, MOST_HOSTS, WholeAnswers } from "../../../edge-side/exchange/whole-answers.ts";
import type { Log, LogFields } from "../../../protocol/daemon/log.ts";
import type { NoBase } from "../../../protocol/scope/no-base.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/silent-log.ts";

let clock: FakeClock;
let lines: (LogFields & { readonly event: string })[];
let counted: WholeAnswers;
beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  const log: Log = { ...silentLog, info: (event, fields) => lines.push({ event, ...fields }) };
  counted = new WholeAnswers({ clock, log });
});

const note = (times: number, reason?: NoBase, host = "www.example.com") => {
  for (let i = 0; i < times; i++)
    counted.note({
      host,
      method: "GET",
      target: "/",
      answer: reason === undefined ? "same" : "whole",
      ...(reason !== undefined && { reason }),
    });
};

describe("once an hour the log says", () => {
  it("which share of a host's whole answers has which reason, and what setting would help", async () => {
    note(6);
    note(1, "first-visit");
    note(3, "evicted");
    await clock.advance(EVERY_MS - 1);
    expect(lines).toEqual([]);
    await clock.advance(1);
    expect(lines).toEqual([
      {
        event: "whole answers",
        host: "www.example.com",
        answers: 10,
        whole: 4,
        reasons: "evicted 75 %, first-visit 25 %",
        hint: "store.size larger",
      },
    ]);
  });

  it("the setting of the most frequent reason that has one, and none where none would help", async () => {
    note(5, "first-visit");
    note(1, "off");
    note(2, "budget");
    note(1, "first-visit", "other.example.com");
    await clock.advance(EVERY_MS);
    expect(lines.map(({ host, hint }) => [host, hint])).toEqual([
      ["www.example.com", "memory.budget and memory.perKey larger"],
      ["other.example.com", undefined],
    ]);
  });

  it("nothing where nothing was whole, and nothing of what no base could help", async () => {
    note(3);
    note(3, "not-compressible");
    note(3, "no-body");
    counted.note({ host: "www.example.com", method: "GET", target: "/", status: 503 });
    await clock.advance(EVERY_MS);
    expect(lines).toEqual([]);
  });

  it("each hour its own", async () => {
    note(2, "off");
    await clock.advance(EVERY_MS);
    await clock.advance(EVERY_MS);
    note(1, "off");
    await clock.advance(EVERY_MS);
    expect(lines.map(({ whole }) => whole)).toEqual([2, 1]);
  });

  it("a line each of the hosts with most of them, and no more of them than the log would write", async () => {
    for (let i = 0; i < MOST_HOSTS + 5; i++) note(i + 1, "off", `${i}.example.com`);
    await clock.advance(EVERY_MS);
    expect(lines.map(({ whole }) => whole)).toEqual(
      Array.from({ length: MOST_HOSTS }, (_, i) => MOST_HOSTS + 5 - i),
    );
  });

  it("nothing once the daemon stops", async () => {
    note(1, "off");
    counted.stop();
    await clock.advance(EVERY_MS);
    expect(lines).toEqual([]);
  });
});
