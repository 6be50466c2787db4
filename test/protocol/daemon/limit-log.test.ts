/** A limit that is reached again and again takes two lines, however often, and is counted. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  isOutOfDescriptors,
  LimitLog,
  QUIET_MS,
  sayIfOutOfDescriptors,
  sayLimit,
} from "../../../protocol/daemon/limit-log.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/silent-log.ts";

let clock: FakeClock;
let said: object[];
let limits: LimitLog;
beforeEach(() => {
  clock = new FakeClock();
  said = [];
  const say = (event: string, fields?: object) => void said.push({ event, ...fields });
  limits = new LimitLog({ clock, log: { ...silentLog, warn: say, info: say } });
});

const reach = () => sayLimit(limits.log, "limits.visitors", { most: 2 });

describe("a limit", () => {
  it("says when it begins, and when it was not reached for a while how often and how long", async () => {
    for (let i = 0; i < 1000; i++) reach();
    await clock.advance(QUIET_MS - 1);
    reach();
    await clock.advance(QUIET_MS - 1);
    expect(said).toEqual([{ event: "limit reached", limit: "limits.visitors", most: 2 }]);
    await clock.advance(1);
    expect(said.slice(1)).toEqual([
      { event: "limit no longer reached", limit: "limits.visitors", times: 1001, ms: QUIET_MS - 1 },
    ]);
    reach();
    expect([said.length, limits.counts().get("limits.visitors")]).toEqual([3, 1002]);
  });

  it("that is reached still when the daemon stops is told of, and leaves no timer behind", () => {
    reach();
    limits.stop();
    expect([said.length, clock.timers]).toEqual([2, 0]);
  });

  it("is counted whoever's log says so, and what else the log says goes on", () => {
    limits.log.warn("no link", { host: "a" });
    const out = new Error("no web server", { cause: Object.assign(new Error(), { code: "EMFILE" }) });
    expect(sayIfOutOfDescriptors(limits.log.with({}), out)).toBe(true);
    expect(sayIfOutOfDescriptors(limits.log, new Error("other"))).toBe(false);
    for (const other of [{ code: "EBUSY" }, { code: "ENOTFOUND", syscall: "getaddrinfo" }])
      expect(isOutOfDescriptors(Object.assign(new Error(), other))).toBe(false);
    const name = Object.assign(new Error(), { code: "EBUSY", syscall: "getaddrinfo" });
    expect(isOutOfDescriptors(new Error("no web server", { cause: new AggregateError([name]) }))).toBe(true);
    expect([...limits.counts()]).toEqual([["descriptors", 1]]);
    expect(said[0]).toEqual({ event: "no link", host: "a" });
  });
});
