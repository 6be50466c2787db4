import { describe, expect, it } from "vitest";
import { ConfigFollower, LOOK_MS } from "../../../protocol/fleet/config-follower.ts";
import { fleetOf } from "../../../protocol/fleet/fleet-settings.ts";
import { openConfig } from "../../../protocol/fleet/signed-config.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { KIND, makeFleet, StoreInMemory, signingKey } from "./fleet-kit.ts";

const BAD = "routes: nonsense";

/** A follower that serves version 1, which the store has too. */
const follow = async (before: (store: StoreInMemory) => void = () => {}) => {
  const fleet = makeFleet();
  const store = new StoreInMemory();
  const clock = new FakeClock();
  const first = fleet.signed(1);
  store.set(first);
  before(store);
  const events: string[] = [];
  const applied: number[] = [];
  const tell = (event: string, { why = "" }: { readonly why?: unknown } = {}) =>
    void events.push([event, why].filter(Boolean).join(": "));
  const found = fleetOf(fleet.file, KIND);
  if (found === undefined) throw new Error("no fleet");
  const follower = new ConfigFollower(found, {
    clock,
    log: { info: tell, warn: tell, error: tell },
    served: openConfig(first, fleet.trust),
    putsBack: true,
    apply: async ({ version, text }) => {
      if (text === BAD) return "routes is no list";
      applied.push(version);
      return undefined;
    },
    open: store.open,
  });
  await settle();
  return {
    ...fleet,
    store,
    clock,
    first,
    events,
    applied,
    follower,
    [Symbol.dispose]: () => {
      follower.stop();
      fleet[Symbol.dispose]();
      expect(clock.timers).toBe(0);
    },
  };
};

describe("a follower of a shared config", () => {
  it("takes over each version as it is told of it, in order", async () => {
    using run = await follow();
    for (const version of [2, 3, 4]) {
      run.store.set(run.signed(version));
      await settle();
    }
    expect(run.applied).toEqual([2, 3, 4]);
    expect(run.follower.state).toEqual({
      from: "redis://store:6379#site",
      version: 4,
      at: "2026-11-29T12:00:00.000Z",
      state: "current",
      why: "",
    });
  });

  it("finds by itself what it was not told", async () => {
    using run = await follow();
    run.store.set(run.signed(2), { publishes: false });
    await run.clock.advance(LOOK_MS - 1);
    expect(run.applied).toEqual([]);
    await run.clock.advance(1);
    expect(run.applied).toEqual([2]);
  });

  it("takes over at once, when the store is back, what came meanwhile; and says so once", async () => {
    using run = await follow();
    run.store.reach(false);
    await run.clock.advance(10 * LOOK_MS);
    expect(run.follower.state).toMatchObject({ version: 1, state: "unreachable", why: "the socket closed" });
    run.store.set(run.signed(2), { publishes: false });
    run.store.reach(true);
    await settle();
    expect(run.applied).toEqual([2]);
    expect(run.events).toEqual([
      "shared config out of reach: the socket closed",
      "shared config in reach again",
      "shared config in use",
    ]);
  });

  it.each<[string, (run: Awaited<ReturnType<typeof follow>>) => string, RegExp]>([
    ["is signed by a stranger", (run) => run.signed(2, "routes: [x]", signingKey()), /none of the keys/],
    [
      "was changed after it was signed",
      (run) => run.signed(2).replace(/\.(.)/, (_, c) => (c === "A" ? ".B" : ".A")),
      /none of the keys/,
    ],
    [
      "is another of the same number",
      (run) => run.signed(1, "routes: [x]"),
      /version 1 is not newer than version 1/,
    ],
    ["is none at all", () => "hello", /no signed config/],
    ["cannot be used", (run) => run.signed(2, BAD), /version 2: routes is no list/],
  ])("keeps what is served when what is stored %s", async (_, made, why) => {
    using run = await follow();
    run.store.set(made(run));
    await run.clock.advance(5 * LOOK_MS);
    expect(run.applied).toEqual([]);
    expect(run.follower.state).toMatchObject({
      version: 1,
      state: "refused",
      why: expect.stringMatching(why),
    });
    // Once, however often it looks.
    expect(run.events).toEqual([expect.stringMatching(/^shared config refused/)]);
    run.store.set(run.signed(3));
    await settle();
    expect([run.applied, run.follower.state.state]).toEqual([[3], "current"]);
  });

  it("judges again what was refused, once this machine's own file was read again", async () => {
    using run = await follow();
    run.store.set(run.signed(2, BAD));
    await settle();
    run.follower.retry();
    await settle();
    expect(run.events).toEqual(["shared config refused: the one in use stays: version 2: routes is no list"]);
    run.store.current = run.first;
    run.follower.retry();
    await settle();
    expect(run.follower.state.state).toBe("current");
  });

  it("takes no older version, and gives the store the newer one back", async () => {
    using run = await follow();
    run.store.set(run.signed(2));
    await settle();
    const second = run.store.current;
    run.store.set(run.first);
    await settle();
    expect([run.applied, run.store.current === second]).toEqual([[2], true]);
    expect(run.follower.state).toMatchObject({ version: 2, state: "current" });
  });

  it("gives a store that lost all the version that is served", async () => {
    using run = await follow();
    run.store.set("", { publishes: false });
    await run.clock.advance(LOOK_MS);
    expect(run.store.current).toBe(run.first);
    expect(run.events).toEqual(["shared config put back: it holds no version"]);
  });

  it("says once that the store may evict the config", async () => {
    using run = await follow((store) => {
      store.policy = "allkeys-lru";
    });
    run.store.reach(false);
    run.store.reach(true);
    await settle();
    expect(run.events.filter((event) => event.includes("evict"))).toEqual([
      "shared config store may evict it",
    ]);
  });
});
