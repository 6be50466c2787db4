import { describe, expect, it } from "vitest";
import { statusOf } from "../../../protocol/admin/status.ts";
import {
  MOST_HOSTS,
  MOST_PATHS,
  OTHERS,
  STEP_MS,
  Traffic,
  WINDOW_MS,
} from "../../../protocol/admin/traffic.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { PROGRAM, watchedOf } from "./watched.ts";

const begin = () => {
  const clock = new FakeClock();
  const traffic = new Traffic({ clock, linkBytes: () => ({ sent: 0, received: 0 }) });
  const visit = (over: object = {}, linkBytes = 10) =>
    traffic.note(
      { host: "a.example", target: "/x?y=1", answer: "delta", pageBytes: 1_000, ...over },
      linkBytes,
    );
  return { clock, traffic, visit };
};

const lately = (traffic: Traffic): number => {
  const window = traffic.window();
  return (window.at(-1)?.visits ?? 0) - (window[0]?.visits ?? 0);
};

describe("traffic", () => {
  it("counts answers by form and reason, bytes, failures and mismatches", () => {
    const { traffic, visit } = begin();
    visit();
    visit({ answer: "whole", reason: "first-visit" }, 500);
    visit({ answer: "whole", reason: "first-visit", mismatched: true }, 500);
    visit({ answer: undefined, failed: "origin-silent" });
    const { answers, failures, ...sums } = traffic.sums();
    expect(Array.from(answers, ([{ answer, reason }, times]) => [answer, reason, times])).toEqual([
      ["delta", "", 1],
      ["whole", "first-visit", 2],
    ]);
    expect([...failures]).toEqual([["origin-silent", 1]]);
    expect(sums).toMatchObject({ visits: 3, pageBytes: 3_000, linkBytes: 1_010 });
    expect(traffic.mismatches).toBe(1);
  });

  it("forgets of the window what is older than five minutes, not of the sums", async () => {
    const { clock, traffic, visit } = begin();
    visit();
    await clock.advance(WINDOW_MS - STEP_MS);
    visit();
    expect(lately(traffic)).toBe(2);
    await clock.advance(3 * STEP_MS);
    expect(lately(traffic)).toBe(1);
    expect(traffic.sums().visits).toBe(2);
  });

  it("sets no timer before the first visit, nor long after the last one", async () => {
    const { clock, traffic, visit } = begin();
    expect(clock.timers).toBe(0);
    visit();
    expect(clock.timers).toBe(1);
    for (let at = 0; at < 4 * WINDOW_MS; at += STEP_MS) await clock.advance(STEP_MS);
    expect(clock.timers).toBe(0);
    visit();
    expect(lately(traffic)).toBe(1);
    traffic.stop();
    expect(clock.timers).toBe(0);
  });

  it("tells paths apart without their queries, those of the last minutes only", async () => {
    const { clock, traffic, visit } = begin();
    visit({ target: "/x?y=1" });
    visit({ target: "/x?y=2" });
    visit({ target: `/${"z".repeat(9_000)}` });
    const [first, second] = [...traffic.paths()];
    expect(first).toEqual({ host: "a.example", path: "/x", visits: 2, pageBytes: 2_000, linkBytes: 20 });
    expect(second?.path.length).toBeLessThan(200);
    for (let at = 0; at < 3 * WINDOW_MS; at += STEP_MS) await clock.advance(STEP_MS);
    expect([...traffic.paths()]).toEqual([]);
  });

  it("shows no terminal a control character that a visitor of HTTP/2 wrote", () => {
    const { traffic, visit } = begin();
    visit({ target: "/\x9b31m\xe9?y" });
    expect(Array.from(traffic.paths(), ({ path }) => path)).toEqual(["/%9B31m\xe9"]);
  });

  it("bounds what visitors name: paths of a host, and hosts", () => {
    const { traffic, visit } = begin();
    for (let i = 0; i < 2 * MOST_PATHS; i++) visit({ target: `/${i}` });
    expect([...traffic.paths()].find(({ path }) => path === OTHERS)?.visits).toBe(MOST_PATHS);
    for (let i = 0; i < 2 * MOST_HOSTS; i++) visit({ host: `${i}.example` });
    expect([...traffic.hosts()]).toHaveLength(MOST_HOSTS + 1);
    expect(traffic.sums().visits).toBe(2 * MOST_PATHS + 2 * MOST_HOSTS);
  });

  it("a host is one, whatever port is asked for with it", () => {
    const { traffic, visit } = begin();
    for (let port = 1; port <= 2 * MOST_HOSTS; port++) visit({ host: `www.example.com:${port}` });
    visit({ host: "[2001:db8::1]:8080" });
    visit({ host: "[2001:db8::1]" });
    expect(Array.from(traffic.hosts(), ([host, { visits }]) => [host, visits])).toEqual([
      ["www.example.com", 2 * MOST_HOSTS],
      ["[2001:db8::1]", 2],
    ]);
  });

  it("the state shows the hosts of a pattern that had answers, with its links", () => {
    const { traffic, visit } = begin();
    for (const host of ["www.example.com", "a.example.net"]) visit({ host });
    const hosts = (): [string, number][] => [
      ["www.example.com", 1],
      ["*.example.net", 2],
    ];
    const shown = statusOf(watchedOf({ traffic, hosts }), PROGRAM).hosts;
    expect(shown.map(({ host, links, visits }) => [host, links, visits])).toEqual([
      ["www.example.com", 1, 1],
      ["*.example.net", 2, 0],
      ["a.example.net", 2, 1],
    ]);
  });

  it("does not count a host that only failed: any can be named", () => {
    const { traffic, visit } = begin();
    visit({ host: "nobody.example", answer: undefined, failed: "no-route" });
    expect([...traffic.hosts()]).toEqual([]);
  });
});
