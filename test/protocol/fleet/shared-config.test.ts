import { readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import type { Reload } from "../../../protocol/daemon/run-daemon.ts";
import { checkSharedConfig } from "../../../protocol/fleet/check-shared-config.ts";
import { loadBesideShared } from "../../../protocol/fleet/last-copy.ts";
import { startShared } from "../../../protocol/fleet/shared-config.ts";
import type { FleetConfig } from "../../../protocol/fleet/signed-config.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { KIND, makeFleet, StoreInMemory, signingKey, type TestConfig, testSettings } from "./fleet-kit.ts";

type Fleet = ReturnType<typeof makeFleet>;

const start = (fleet: Fleet, store: StoreInMemory) =>
  startShared<TestConfig>(fleet.file, KIND, {
    clock: new FakeClock(),
    load: (shared?: FleetConfig) => loadBesideShared(fleet.file, testSettings, KIND, { shared }),
    open: store.open,
  });

/** Starts, and follows for a turn, as a daemon does. */
const run = async (fleet: Fleet, store: StoreInMemory) => {
  const source = await start(fleet, store);
  const served = [source.load().routes[0]];
  const reload: Reload<TestConfig> = async (load) => {
    try {
      served.push(load().routes[0]);
      return { reloaded: true, restart: [] };
    } catch (error) {
      return { reloaded: false, problems: [String(error)] };
    }
  };
  const following = source.follow?.(reload, silentLog);
  await settle();
  await settle();
  following?.stop();
  return { served, state: following?.state() };
};

const dead = () => {
  const store = new StoreInMemory();
  store.reach(false);
  return store;
};

const holding = (signed: string) => {
  const store = new StoreInMemory();
  store.set(signed);
  return store;
};

describe("a daemon with a shared config", () => {
  it("takes no version older than configAtLeast, from the store or from a copy, at a start or later", async () => {
    using fleet = makeFleet();
    const pin = (version: number) =>
      writeFileSync(fleet.file, `${readFileSync(fleet.file, "utf8")}configAtLeast: ${version}\n`);
    await run(fleet, holding(fleet.signed(3)));
    pin(5);
    await expect(run(fleet, holding(fleet.signed(4)))).rejects.toThrow(
      /version 4 is older than configAtLeast \(5\) allows; and the copy at .* cannot be used: version 3 /,
    );
    expect((await run(fleet, holding(fleet.signed(5)))).served).toEqual(["v5"]);
    const { served, state } = await run(fleet, holding(fleet.signed(4)));
    expect([served, state?.state]).toEqual([["v5"], "refused"]);
  });

  it("starts with what is stored, and keeps a copy for its owner alone", async () => {
    using fleet = makeFleet();
    expect((await run(fleet, holding(fleet.signed(3)))).served).toEqual(["v3"]);
    expect(statSync(fleet.copy).mode & 0o777).toBe(0o600);
    const copied = readFileSync(fleet.copy, "latin1").split(/[.\n]/);
    for (const text of [
      ...copied,
      ...copied.map((part) => Buffer.from(part, "base64url").toString("latin1")),
    ])
      expect(text).not.toContain("routes: [");
  });

  it("starts with its copy where the store is dead, and says that it is", async () => {
    using fleet = makeFleet();
    await run(fleet, holding(fleet.signed(3)));
    const { served, state } = await run(fleet, dead());
    expect(served).toEqual(["v3"]);
    expect(state).toMatchObject({ version: 3, state: "unreachable" });
  });

  it("takes over, right after it started with its copy, what was stored meanwhile", async () => {
    using fleet = makeFleet();
    await run(fleet, holding(fleet.signed(3)));
    expect((await run(fleet, holding(fleet.signed(5)))).served).toEqual(["v3", "v5"]);
    expect((await run(fleet, dead())).served).toEqual(["v5"]);
  });

  it("takes nothing older after a restart either", async () => {
    using fleet = makeFleet();
    await run(fleet, holding(fleet.signed(3)));
    const store = holding(fleet.signed(2));
    expect((await run(fleet, store)).served).toEqual(["v3"]);
    expect(store.current).toBe(readFileSync(fleet.copy, "utf8"));
  });

  it("keeps no copy of what it could not use", async () => {
    using fleet = makeFleet();
    await run(fleet, holding(fleet.signed(3)));
    const { served, state } = await run(fleet, holding(fleet.signed(4, "port: 7\nroutes: [v4]")));
    expect([served, state?.version, state?.state]).toEqual([["v3"], 3, "refused"]);
    expect(state?.why).toMatch(/version 4.*port is not a setting; here there are: routes/);
    expect((await run(fleet, dead())).served).toEqual(["v3"]);
  });

  it("fetches what is stored where its copy was damaged", async () => {
    using fleet = makeFleet();
    await run(fleet, holding(fleet.signed(3)));
    writeFileSync(fleet.copy, fleet.signed(9, "routes: [forged]", signingKey()));
    expect((await run(fleet, holding(fleet.signed(4)))).served).toEqual(["v4"]);
    expect((await run(fleet, dead())).served).toEqual(["v4"]);
  });

  it.each<[string, (fleet: Fleet) => StoreInMemory, RegExp]>([
    [
      "the store is dead",
      dead,
      /store:6379#site: the store cannot be reached: .*ECONNREFUSED; and there is no copy at/,
    ],
    ["nothing is stored", () => new StoreInMemory(), /nothing is stored there yet; .*config put/],
    [
      "what is stored is a stranger's",
      (fleet) => holding(fleet.signed(1, "routes: [x]", signingKey())),
      /none of the keys/,
    ],
  ])("does not start without a copy where %s, and shows no password", async (_, made, message) => {
    using fleet = makeFleet();
    const error = await start(fleet, made(fleet)).catch((failed: unknown) => failed);
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain("pass-word");
  });

  it("is one where the file escapes the names of its settings", async () => {
    using fleet = makeFleet();
    writeFileSync(fleet.file, readFileSync(fleet.file, "utf8").replace(/^config(\w*)/gm, '"c\\x6fnfig$1"'));
    expect((await start(fleet, holding(fleet.signed(2)))).load().routes).toEqual(["v2"]);
  });

  it("has problems of what is shared by place and line, each setting in one place", async () => {
    using fleet = makeFleet();
    const error = await start(fleet, holding(fleet.signed(2, "# here\nroutes: 7\n"))).catch(
      (failed: unknown) => failed,
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(
      "redis://store:6379#site (version 2):2:9: routes must be a list, not a number",
    );
    writeFileSync(fleet.file, `${readFileSync(fleet.file, "utf8")}routes: [mine]\n`);
    await expect(start(fleet, holding(fleet.signed(2)))).rejects.toThrow(
      "(version 2):1:1: routes stands in the machine's own file too; keep it in one of them",
    );
  });

  it("is checked: the version that is stored, a copy that is ahead, a store that evicts or is dead", async () => {
    using fleet = makeFleet();
    const check = async (store: StoreInMemory) => {
      const { findings } = await checkSharedConfig(fleet.file, KIND, {
        clock: new FakeClock(),
        open: store.open,
      });
      return findings.map(({ outcome, what }) => `${outcome} ${what}`);
    };
    expect(await check(dead())).toEqual([expect.stringMatching(/^problem config: .*cannot be reached/)]);
    await run(fleet, holding(fleet.signed(3)));
    expect(await check(dead())).toEqual([expect.stringMatching(/^warning config: .*cannot be reached/)]);
    const evicting = holding(fleet.signed(2));
    evicting.policy = "allkeys-lru";
    expect(await check(evicting)).toEqual([
      expect.stringMatching(/^ok config: version 2 of redis:\/\/store:6379#site/),
      expect.stringMatching(/^problem .* is behind this machine, which has served version 3/),
      expect.stringMatching(/^warning .*maxmemory-policy allkeys-lru/),
    ]);
  });
});
