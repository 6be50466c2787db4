/** Which web servers are given requests, by what requests and checks meet there; with a clock that stands still. */
import { describe, expect, it } from "vitest";
import type { HealthCheck } from "../../../origin-side/config/health-config.ts";
import type { Route } from "../../../origin-side/config/route-config.ts";
import { UpstreamState } from "../../../origin-side/upstream/upstream-state.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { routeTo } from "../../protocol/asking.ts";

const FAIL_MS = 10_000;
const HEALTH: HealthCheck = {
  path: "/healthz",
  intervalMs: 1_000,
  timeoutMs: 500,
  healthy: 2,
  unhealthy: 3,
  status: { least: 200, most: 399 },
};

const stateOf = (more: Partial<Route> = {}) => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const hear = (event: string, fields?: object) => {
    const { why } = fields as { readonly why: string };
    lines.push(`${event}: ${why}`);
  };
  const route = routeTo(3000, { failMs: FAIL_MS, ...more });
  return { clock, lines, state: new UpstreamState(route, { clock, log: { warn: hear, info: hear } }) };
};

const fail = (state: UpstreamState, times: number): void => {
  for (let i = 0; i < times; i++) state.failed("it was reset", false);
};

describe("a web server that fails", () => {
  it("is given none once a connection failed, or maxFails requests in a row did", () => {
    const unreachable = stateOf().state;
    unreachable.failed("refused", true);
    expect(unreachable.serves(true)).toBe(false);
    const { state } = stateOf({ maxFails: 3 });
    fail(state, 2);
    expect(state.serves(true)).toBe(true);
    fail(state, 1);
    expect(state.serves(true)).toBe(false);
  });

  it("is never marked for one URL that fails while others are answered", () => {
    const { state, lines } = stateOf({ maxFails: 2 });
    for (let i = 0; i < 50; i++) {
      fail(state, 1);
      state.answered();
    }
    expect([state.serves(false), lines]).toEqual([true, []]);
  });

  it("is tried after failTimeout, by one request in that time; by one that may be repeated, if there are any", async () => {
    const { state, clock } = stateOf();
    state.failed("refused", true);
    await clock.advance(FAIL_MS - 1);
    expect(state.serves(true)).toBe(false);
    await clock.advance(1);
    expect([state.serves(true), state.serves(false)]).toEqual([true, false]);
    state.asked();
    expect(state.serves(true)).toBe(false);
    await clock.advance(2 * FAIL_MS);
    expect(state.serves(false)).toBe(true);
  });

  it("tells when it goes and when it is back, once each", async () => {
    const { state, clock, lines } = stateOf();
    state.failed("refused", true);
    state.failed("refused again", true);
    await clock.advance(FAIL_MS);
    state.failed("refused once more", true);
    state.answered();
    state.answered();
    expect(lines).toEqual(["upstream down: refused", "upstream up: a request was answered"]);
    expect(state.serves(false)).toBe(true);
  });
});

describe("checks", () => {
  it("take it out after `unhealthy` failures in a row, and back after `healthy` passes", () => {
    const { state, lines } = stateOf({ health: HEALTH });
    const seen = ["503", "503", undefined, "503", "503", "503", undefined, "503", undefined, undefined].map(
      (failure) => {
        state.checked(failure);
        return state.serves(true);
      },
    );
    expect(seen).toEqual([true, true, true, true, true, false, false, false, false, true]);
    expect(lines).toEqual(["upstream down: 503", "upstream up: its checks pass"]);
  });

  it("are not overruled by a request that is answered, nor by the time", async () => {
    const { state, clock } = stateOf({ health: { ...HEALTH, unhealthy: 1 } });
    state.failed("refused", true);
    state.checked("503");
    state.answered();
    await clock.advance(10 * FAIL_MS);
    expect(state.serves(true)).toBe(false);
  });

  it("bring one back before failTimeout that requests have marked", () => {
    const { state } = stateOf({ health: HEALTH });
    state.failed("refused", true);
    state.checked(undefined);
    expect(state.serves(true)).toBe(false);
    state.checked(undefined);
    expect(state.serves(true)).toBe(true);
  });
});
