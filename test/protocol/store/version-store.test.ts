import { describe, expect, it } from "vitest";
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import { IDENTITIES_FOR_PUBLIC } from "../../../protocol/scope/public-evidence.ts";
import type { Retention, Scope } from "../../../protocol/scope/scope.ts";
import { type Fingerprint, fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import {
  accountedBytesOf,
  LIST_BYTES,
  PARTITION_BYTES,
  PLACE_BYTES,
  VERSION_BYTES,
} from "../../../protocol/store/memory-accounting.ts";
import { KEPT_PER_URL } from "../../../protocol/store/page-index.ts";
import { pageKeyOf } from "../../../protocol/store/page-key.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { DEFAULT_LIFETIMES, SWEEP_MS } from "../../../protocol/store/store-options.ts";
import { HeldVersion, MOST_PLACES, MOST_STORES } from "../../../protocol/store/stored-version.ts";
import {
  type Sighting,
  type StoreId,
  type StoreOptions,
  VersionStore,
} from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";

const TENANT = partitionOf({ keyId: "k1", host: "a.example" });
const MIB = 1024 * 1024;
const NOTHING = { partitions: 0, scopeKeys: 0, lists: 0, entries: 0, mortal: 0 };
const PUBLIC: Scope = { kind: "public", retention: "keep" };
const key = (name: string) => name.padEnd(16, ".") as SessionKey;
const sessionScope = (name: string, retention: Retention = "session", marks?: readonly string[]): Scope => ({
  kind: "session",
  session: key(name),
  retention,
  marks: marks && (() => marks),
});
const mark = (name: string) => name.padEnd(8, ".");

function sighting(text: string, more: Partial<Sighting> = {}): Sighting {
  const body = Buffer.from(text);
  const url = more.url ?? "/a";
  return {
    url,
    templates: pageKeyOf(url).templates,
    body,
    fingerprint: fingerprintOf(body),
    scope: PUBLIC,
    ...more,
  };
}

function storeWith(options: Partial<StoreOptions> = {}) {
  const clock = new FakeClock();
  return { clock, store: new VersionStore({ clock, bytes: MIB, ...options }) };
}
const found = (
  store: VersionStore,
  at: string,
  scopeKey: "public" | SessionKey = "public",
  partition = TENANT,
) => store.listed(partition, scopeKey, at).map((version) => version.body.toString());

describe("remembering", () => {
  it("holds content once, wherever it is seen", () => {
    const { store } = storeWith();
    const one = store.remember(TENANT, sighting("x", { url: "/a" }));
    expect(store.remember(TENANT, sighting("x", { url: "/b", scope: sessionScope("ann") }))).toBe(one);
    expect(store.count).toBe(1);
    expect(found(store, "/b")).toEqual(["x"]);
  });

  it("finds a version by full name, by short name and by page", () => {
    const { store } = storeWith();
    const seen = sighting("x");
    const version = store.remember(TENANT, seen);
    expect(version).toMatchObject({
      fingerprint: seen.fingerprint,
      short: shortOf(seen.fingerprint),
      body: seen.body,
    });
    expect(store.find(TENANT, seen.fingerprint)).toBe(version);
    expect(store.nominated(TENANT, [shortOf(seen.fingerprint)])[0]).toBe(version);
    expect(found(store, "html **")).toEqual(["x"]);
  });

  it("finds nothing of one tenant through another, even for the same content", () => {
    const { store } = storeWith();
    const others = [
      partitionOf({ keyId: "k2", host: "a.example" }),
      partitionOf({ keyId: "k1", host: "b.example" }),
    ];
    const seen = sighting("x");
    const version = store.remember(TENANT, seen);
    for (const other of others) {
      expect(store.find(other, seen.fingerprint)).toBeUndefined();
      expect(store.nominated(other, [shortOf(seen.fingerprint)])[0]).toBeUndefined();
      expect(found(store, "/a", "public", other)).toEqual([]);
      expect(store.remember(other, seen)).not.toBe(version);
    }
    expect(store.count).toBe(3);
    expect(store.held(TENANT)).toEqual({ count: 1, bytes: store.bytes / 3 });
  });

  it("keeps a buffer that holds nothing else, and copies one that does", () => {
    const { store } = storeWith();
    const own = Buffer.allocUnsafeSlow(5).fill("o");
    expect(store.remember(TENANT, sighting("", { body: own, fingerprint: fingerprintOf(own) }))?.body).toBe(
      own,
    );
    const large = Buffer.allocUnsafeSlow(64 * 1024).fill("p");
    const slice = large.subarray(100, 200);
    const kept = store.remember(TENANT, sighting("", { body: slice, fingerprint: fingerprintOf(slice) }));
    large.fill("q");
    expect(kept?.body.buffer.byteLength).toBe(100);
    expect(kept?.body.toString()).toBe("p".repeat(100));
  });

  it("holds an empty body", () => {
    const { store } = storeWith();
    expect(store.remember(TENANT, sighting(""))?.body.length).toBe(0);
  });

  it("remembers nothing that is nobody's", () => {
    const { store, clock } = storeWith();
    expect(
      store.remember(TENANT, sighting("x", { scope: { kind: "nobody", reason: "off" } })),
    ).toBeUndefined();
    expect([store.count, store.books, clock.timers]).toEqual([0, NOTHING, 0]);
  });

  it("keeps the stores a version came from, the newest few", () => {
    const { store } = storeWith();
    const ids = Array.from({ length: MOST_STORES + 1 }, (_, number) => `store ${number}` as StoreId);
    for (const from of ids.slice(0, MOST_STORES)) store.remember(TENANT, sighting("x", { from }));
    const version = store.remember(TENANT, sighting("x", { from: ids[0] }));
    expect(version?.stores).toEqual(ids.slice(0, MOST_STORES));
    store.remember(TENANT, sighting("x", { from: ids[MOST_STORES] }));
    expect(version?.stores).toEqual(ids.slice(1));
  });

  it("finds a version that is alike on many URLs as the newest few of them only", () => {
    const { store } = storeWith();
    for (let number = 0; number <= MOST_PLACES; number++)
      store.remember(TENANT, sighting("404", { url: `/${number}` }));
    expect(found(store, "/0")).toEqual([]);
    expect(found(store, "/1")).toEqual(["404"]);
    const { bytes } = store;
    for (let number = 0; number <= 1_000; number++)
      store.remember(TENANT, sighting("404", { url: `/${number}` }));
    expect(store.bytes).toBeLessThan(bytes * 1.1);
  });
});

describe("short fingerprints", () => {
  const short = "shortfor";
  const twin = (end: string) => (short + end.padEnd(24)) as Fingerprint;

  it("nominate nothing where two versions share one, and the other again when one is gone", () => {
    const { store } = storeWith();
    const three = ["a", "b", "c"].map((end) =>
      store.remember(TENANT, sighting(end, { fingerprint: twin(end), url: `/${end}` })),
    );
    const nominated = () => store.nominated(TENANT, [shortOf(twin("a"))])[0];
    expect(nominated()).toBeUndefined();
    expect(store.find(TENANT, twin("b"))).toBe(three[1]);
    expect(store.forgetVersions(TENANT, [twin("a")])).toBe(1);
    expect(nominated()).toBeUndefined();
    store.forgetVersions(TENANT, [twin("c")]);
    expect(nominated()).toBe(three[1]);
    store.forgetVersions(TENANT, [twin("b")]);
    expect(nominated()).toBeUndefined();
    expect(store.books).toEqual(NOTHING);
  });
});

it("several nominations are each one's own, and each counts as a use", () => {
  const text = (number: number) => `${number}`.repeat(30_000);
  const { store } = storeWith({ bytes: 100_000 + PARTITION_BYTES });
  const seen = [1, 2, 3].map((number) => sighting(text(number), { url: `/${number}` }));
  const versions = seen.map((one) => store.remember(TENANT, one));
  const shorts = [seen[1], seen[0]].map((one) => shortOf(one?.fingerprint as Fingerprint));
  const unknown = "unknown!" as (typeof shorts)[number];
  expect(store.nominated(TENANT, [unknown, ...shorts])).toEqual([undefined, versions[1], versions[0]]);
  expect(store.nominated(partitionOf({ keyId: "k2", host: "a.example" }), shorts)).toEqual(
    shorts.map(() => undefined),
  );
  store.remember(TENANT, sighting(text(4), { url: "/4" }));
  expect(seen.map(({ fingerprint }) => store.find(TENANT, fingerprint) !== undefined)).toEqual([
    true,
    true,
    false,
  ]);
});

describe("the bound in bytes", () => {
  const BYTES = 200_000;

  it("is kept after every sighting, and every book agrees with what is held", () => {
    const random = seeded();
    const { store } = storeWith({ bytes: BYTES });
    const partitions = ["a", "b", "c"].map((host) => partitionOf({ keyId: "k", host }));
    for (let step = 0; step < 4_000; step++) {
      const scope = random.pick<Scope>([
        PUBLIC,
        sessionScope(`s${random.int(0, 20)}`, "session", [mark(`m${step}`)]),
      ]);
      const text = `${random.int(0, 800)}`.repeat(random.int(1, 2) === 1 ? 300 : 3_000);
      store.remember(random.pick(partitions), sighting(text, { url: `/${random.int(0, 200)}`, scope }));
      if (random.chance(0.02)) store.forget({ partition: random.pick(partitions) }, `/${random.int(0, 200)}`);
      expect(store.bytes).toBeLessThanOrEqual(BYTES);
    }
    const held = partitions.map((partition) => store.held(partition));
    expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(store.bytes);
    expect(held.reduce((sum, { count }) => sum + count, 0)).toBe(store.count);
    expect(store.count).toBeGreaterThan(10);
    for (const partition of partitions) store.forget({ partition });
    expect([store.count, store.bytes, store.books]).toEqual([0, 0, NOTHING]);
  });

  it("leaves in the index what is held, and nothing else, after thousands of evictions", () => {
    const { store } = storeWith({ bytes: BYTES });
    for (let number = 0; number < 5_000; number++)
      store.remember(
        TENANT,
        sighting(`page ${number} `.repeat(50), {
          url: `/section${number}/x`,
          scope: sessionScope(`${number}`),
        }),
      );
    expect(store.count).toBeGreaterThan(20);
    expect(store.count).toBeLessThan(100);
    // One session, one URL and three templates each.
    expect(store.books).toEqual({
      partitions: 1,
      scopeKeys: store.count,
      lists: 4 * store.count,
      entries: 4 * store.count,
      mortal: store.count,
    });
  });

  it("takes a version that just fits, and none that does not", () => {
    const accountedBytes = VERSION_BYTES + PLACE_BYTES + LIST_BYTES + "/a".length * 2;
    const alone = { templates: [], url: "/a" };
    const { store } = storeWith({ bytes: accountedBytes + 1_000 + PARTITION_BYTES });
    expect(store.remember(TENANT, sighting("x".repeat(1_000), alone))).toBeDefined();
    expect(store.bytes).toBe(store.maxBytes);
    expect(store.remember(TENANT, sighting("y".repeat(1_001), alone))).toBeUndefined();
    expect(store.remember(TENANT, sighting("z".repeat(100_000), alone))).toBeUndefined();
    expect(store.bytes).toBeLessThanOrEqual(store.maxBytes);
  });

  it("forgets a version that outgrows the store by its places", () => {
    const { store } = storeWith({ bytes: PARTITION_BYTES + 4 * (VERSION_BYTES + PLACE_BYTES) });
    for (let number = 0; number < 50; number++)
      store.remember(TENANT, sighting("x", { url: `/${number}`, templates: [] }));
    expect(store.bytes).toBeLessThanOrEqual(store.maxBytes);
    store.forget({ partition: TENANT });
    expect(store.books).toEqual(NOTHING);
  });

  it("evicts the least recently used", () => {
    const text = (number: number) => `${number}`.repeat(30_000);
    const { store } = storeWith({ bytes: 100_000 + PARTITION_BYTES });
    const seen = [1, 2, 3].map((number) => sighting(text(number), { url: `/${number}` }));
    for (const one of seen) store.remember(TENANT, one);
    store.nominated(TENANT, [shortOf(seen[0]?.fingerprint as Fingerprint)]);
    store.remember(TENANT, sighting(text(4), { url: "/4" }));
    expect(seen.map(({ fingerprint }) => store.find(TENANT, fingerprint) !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("charges for bodies, keys, places and evidence", () => {
    const { store } = storeWith();
    const plain = store.remember(TENANT, sighting("x", { templates: [] })) as HeldVersion;
    const base = VERSION_BYTES + PLACE_BYTES + LIST_BYTES + "/a".length * 2;
    expect(accountedBytesOf(plain)).toBe(base + 1);
    store.remember(TENANT, sighting("x", { url: "/longer", templates: ["html **"] }));
    expect(plain).toBeInstanceOf(HeldVersion);
    expect(store.bytes).toBe(
      PARTITION_BYTES +
        base +
        1 +
        PLACE_BYTES +
        2 * LIST_BYTES +
        "/longer".length * 2 -
        "/a".length +
        "html **".length,
    );
    const marked = { scope: sessionScope("ann", "session", [mark("ann")]), url: "/m" };
    const before = store.bytes;
    store.remember(TENANT, sighting("marked", { ...marked, templates: [] }));
    expect(store.bytes - before).toBeGreaterThan(base + "marked".length);
  });

  it("keeps an offered version usable after it is evicted, for as long as it is referred to", () => {
    const { store } = storeWith({ bytes: 10_000 });
    const offered = store.remember(TENANT, sighting("offered"));
    for (let number = 0; number < 50; number++)
      store.remember(TENANT, sighting(`${number}`.repeat(500), { url: `/${number}` }));
    expect(offered && store.holds(offered)).toBe(false);
    expect(offered && store.useAll([offered])).toEqual([undefined]);
    expect(offered?.body.toString()).toBe("offered");
  });
});

describe("a full store", () => {
  const owned = (keyId: string, host: string) => partitionOf({ keyId, host });
  const fill = (store: VersionStore, partition: ReturnType<typeof owned>, pages: number): void => {
    for (let number = 0; number < pages; number++)
      store.remember(
        partition,
        sighting(`${partition} ${number}`.padEnd(10_000, "."), { url: `/${number}`, templates: [] }),
      );
  };

  it("takes nothing from a key that holds no more than its part, however much another brings", () => {
    const { store } = storeWith();
    const quiet = owned("quiet", "q.example");
    fill(store, quiet, 40);
    const before = store.held(quiet);
    // As many hosts as it likes do not make its part larger.
    for (let host = 0; host < 30; host++) fill(store, owned("noisy", `n${host}.example`), 20);
    expect(store.bytes).toBeGreaterThan(store.maxBytes * 0.95);
    expect(store.held(quiet)).toEqual(before);
    expect(before.count).toBe(40);
  });

  it("takes nothing from a host that holds no more than its part of its key", () => {
    const { store } = storeWith();
    const quiet = owned("k", "quiet.example");
    fill(store, quiet, 40);
    fill(store, owned("k", "noisy.example"), 300);
    expect(store.held(quiet).count).toBe(40);
  });

  it("takes nothing from a host that a setting names, however many hosts are made up", () => {
    const { store } = storeWith({ isNamed: (host) => host === "named.example" });
    const named = owned("k", "named.example");
    fill(store, named, 40);
    const before = store.held(named);
    for (let host = 0; host < 60; host++) fill(store, owned("k", `n${host}.example`), 10);
    expect(store.bytes).toBeGreaterThan(store.maxBytes * 0.95);
    expect(store.held(named)).toEqual(before);
    // Of the others the ones used longest ago gave way, and each still finds its own alone.
    expect(store.held(owned("k", "n0.example")).count).toBe(0);
    expect(store.held(owned("k", "n59.example")).count).toBe(10);
    expect(store.forget({ host: "n59.example" })).toBe(10);
    store.close();
    expect(store.books).toEqual(NOTHING);
  });

  it("lets one key have all of it, and takes back for another only what is beyond its part", () => {
    const { store } = storeWith();
    const first = owned("first", "a.example");
    fill(store, first, 300);
    expect(store.held(first).bytes).toBeGreaterThan(store.maxBytes * 0.95);
    fill(store, owned("second", "b.example"), 300);
    expect(store.held(first).bytes).toBeGreaterThan(store.maxBytes * 0.45);
    expect(store.held(owned("second", "b.example")).bytes).toBeGreaterThan(store.maxBytes * 0.45);
    expect(store.bytes).toBeLessThanOrEqual(store.maxBytes);
  });

  it("does not keep a version that is larger than what others leave", () => {
    const { store } = storeWith();
    const first = owned("first", "a.example");
    fill(store, first, 300);
    const large = sighting("x".repeat(store.maxBytes * 0.6));
    expect(store.remember(owned("second", "b.example"), large)).toBeUndefined();
    expect(store.held(first).bytes).toBeGreaterThan(store.maxBytes * 0.39);
    expect(store.held(owned("second", "b.example"))).toEqual({ count: 0, bytes: 0 });
  });
});

describe("retention", () => {
  const { sessionMs, noStoreMs, retiredMs } = DEFAULT_LIFETIMES;
  const cases: readonly [Retention, number][] = [
    ["session", sessionMs],
    ["no-store", noStoreMs],
  ];

  it.each(cases)(
    "forgets a %s version %i ms after its last use, also when nobody asks",
    async (retention, ms) => {
      const { store, clock } = storeWith();
      const seen = sighting("x", { scope: sessionScope("ann", retention) });
      const version = store.remember(TENANT, seen);
      await clock.advance(ms - 1_000);
      expect(version && store.useAll([version])).toEqual([version]);
      await clock.advance(ms);
      expect(store.find(TENANT, seen.fingerprint)).toBe(version);
      await clock.advance(1);
      expect(store.find(TENANT, seen.fingerprint)).toBeUndefined();
      expect(store.nominated(TENANT, [shortOf(seen.fingerprint)])[0]).toBeUndefined();
      await clock.advance(SWEEP_MS);
      expect([store.count, store.bytes, store.books]).toEqual([0, 0, NOTHING]);
      expect(clock.timers).toBe(0);
    },
  );

  it("erases by the sweep alone", async () => {
    const { store, clock } = storeWith();
    for (let number = 0; number < 100; number++)
      store.remember(TENANT, sighting(`${number}`, { url: `/${number}`, scope: sessionScope(`${number}`) }));
    await clock.advance(sessionMs + SWEEP_MS);
    expect([store.count, store.books]).toEqual([0, NOTHING]);
  });

  it("keeps public versions, with one timer for the whole store", async () => {
    const { store, clock } = storeWith();
    for (const text of ["a", "b", "c"]) store.remember(TENANT, sighting(text));
    expect(clock.timers).toBe(1);
    await clock.advance(100 * sessionMs);
    expect(found(store, "/a")).toEqual(["a", "b", "c"]);
    expect(clock.timers).toBe(1);
    store.close();
    expect([clock.timers, store.count, store.books]).toEqual([0, 0, NOTHING]);
  });

  it("takes the strictest of all sightings", async () => {
    const { store, clock } = storeWith();
    store.remember(TENANT, sighting("x", { scope: { kind: "public", retention: "no-store" } }));
    store.remember(TENANT, sighting("x"));
    await clock.advance(noStoreMs + 1);
    expect(store.find(TENANT, fingerprintOf(Buffer.from("x")))).toBeUndefined();
  });

  it("starts anew with a version that had ended but was not swept", async () => {
    const { store, clock } = storeWith({ lifetimes: { sessionMs: SWEEP_MS / 2 } });
    const seen = sighting("x", { scope: sessionScope("ann") });
    const first = store.remember(TENANT, seen);
    await clock.advance(SWEEP_MS / 2 + 1);
    const again = store.remember(TENANT, { ...seen, scope: PUBLIC });
    expect(again).not.toBe(first);
    expect(found(store, "/a", key("ann"))).toEqual([]);
    expect(store.count).toBe(1);
  });

  it("retires a version that no list names: found by name for as long as an offer may be under way", async () => {
    const { store, clock } = storeWith();
    const seen = Array.from({ length: KEPT_PER_URL + 1 }, (_, number) => sighting(`v${number}`));
    for (const one of seen) store.remember(TENANT, one);
    const oldest = fingerprintOf(Buffer.from("v0"));
    await clock.advance(retiredMs);
    expect(store.find(TENANT, oldest)).toBeDefined();
    await clock.advance(SWEEP_MS);
    expect(store.find(TENANT, oldest)).toBeUndefined();
    expect(store.count).toBe(KEPT_PER_URL);
  });

  it("forgets at once what no list names, where no offer of it could come", () => {
    const { store } = storeWith({ lifetimes: { retiredMs: 0 } });
    const held = Array.from({ length: KEPT_PER_URL + 1 }, (_, n) =>
      store.remember(TENANT, sighting(`v${n}`)),
    );
    expect(held.map((version) => version && store.holds(version))).toEqual([false, true, true, true, true]);
    expect(store.count).toBe(KEPT_PER_URL);
  });

  it("takes a retired version back when it is seen again", async () => {
    const { store, clock } = storeWith();
    for (const number of [0, 1, 2, 3, 4, 0]) store.remember(TENANT, sighting(`v${number}`));
    await clock.advance(10 * SWEEP_MS);
    expect(found(store, "/a")).toEqual(["v2", "v3", "v4", "v0"]);
  });
});

describe("audiences", () => {
  it("show a session's version to that session alone", () => {
    const { store } = storeWith();
    store.remember(TENANT, sighting("ann's", { scope: sessionScope("ann") }));
    expect(found(store, "/a", key("ann"))).toEqual(["ann's"]);
    expect([found(store, "/a"), found(store, "/a", key("bob"))]).toEqual([[], []]);
  });

  it("become public when the bytes are made for anybody", () => {
    const { store } = storeWith();
    store.remember(TENANT, sighting("x", { url: "/ann", scope: sessionScope("ann") }));
    store.remember(TENANT, sighting("x", { url: "/all" }));
    expect([found(store, "/ann"), found(store, "/all")]).toEqual([["x"], ["x"]]);
  });

  const asked = (
    store: VersionStore,
    sessions: readonly (readonly [string, readonly string[] | undefined])[],
  ) => {
    for (const [name, marks] of sessions)
      store.remember(TENANT, sighting("x", { url: `/${name}`, scope: sessionScope(name, "session", marks) }));
  };
  const strangers = (count: number) =>
    Array.from({ length: count }, (_, number) => [`s${number}`, [mark(`m${number}`)]] as const);

  it("become public by evidence: the same bytes for enough people who have nothing in common", () => {
    const { store } = storeWith();
    asked(store, strangers(IDENTITIES_FOR_PUBLIC - 1));
    expect(found(store, "/s0")).toEqual([]);
    asked(store, strangers(IDENTITIES_FOR_PUBLIC));
    for (const url of ["/s0", "/s1", "/s2", "html **"]) expect(found(store, url), url).toContain("x");
  });

  it.each<[string, readonly (readonly [string, readonly string[] | undefined])[]]>([
    ["one session many times", Array.from({ length: 9 }, () => ["ann", [mark("ann")]] as const)],
    [
      "sessions with a cookie in common",
      [1, 2, 3, 4, 5].map((n) => [`s${n}`, [mark("ann"), mark(`${n}`)]] as const),
    ],
    ["personal responses", [1, 2, 3, 4, 5].map((n) => [`s${n}`, undefined] as const)],
    ["sessions that cannot be told apart", [1, 2, 3, 4, 5].map((n) => [`s${n}`, []] as const)],
  ])("do not become public by %s", (_, sessions) => {
    const { store } = storeWith();
    asked(store, sessions);
    for (const [name] of sessions) expect(found(store, `/${name}`)).toEqual([]);
    expect(found(store, "html **")).toEqual([]);
  });

  it("never become public by evidence where the operator says so", () => {
    const { store } = storeWith({ identitiesForPublic: Number.POSITIVE_INFINITY });
    asked(store, strangers(20));
    expect(found(store, "html **")).toEqual([]);
  });

  it("do not make different bytes of the same URL public", () => {
    const { store } = storeWith();
    for (const name of ["a", "b", "c", "d"])
      store.remember(
        TENANT,
        sighting(`token ${name}`, { scope: sessionScope(name, "session", [mark(name)]) }),
      );
    expect(found(store, "/a")).toEqual([]);
  });
});

describe("forgetting", () => {
  const other = partitionOf({ keyId: "k2", host: "A.example:8443" });
  const elsewhere = partitionOf({ keyId: "k1", host: "b.example" });
  function filled() {
    const { store } = storeWith();
    for (const partition of [TENANT, other, elsewhere]) {
      store.remember(partition, sighting("public", { url: "/a" }));
      store.remember(partition, sighting("ann's", { url: "/a", scope: sessionScope("ann") }));
      store.remember(partition, sighting("b", { url: "/b" }));
    }
    return store;
  }

  it("erases a host under every key", () => {
    const store = filled();
    expect(store.forget({ host: "a.EXAMPLE" })).toBe(6);
    expect([store.count, store.held(elsewhere).count]).toEqual([3, 3]);
    expect(store.forget({ host: "a.example" })).toBe(0);
  });

  it("erases one URL for every audience", () => {
    const store = filled();
    expect(store.forget({ host: "a.example" }, "/a")).toBe(4);
    expect([found(store, "/a"), found(store, "/a", key("ann")), found(store, "/b")]).toEqual([[], [], ["b"]]);
  });

  it("erases one tenant and leaves its host's others", () => {
    const store = filled();
    expect(store.forget({ partition: TENANT })).toBe(3);
    expect(store.held(other).count).toBe(3);
  });

  it("erases versions of a URL that no list names any more", () => {
    const { store } = storeWith();
    for (let number = 0; number <= KEPT_PER_URL; number++) store.remember(TENANT, sighting(`v${number}`));
    expect(store.forget({ partition: TENANT }, "/a")).toBe(KEPT_PER_URL + 1);
    expect(store.books).toEqual(NOTHING);
  });

  it("erases versions by name, and counts those that were held", () => {
    const store = filled();
    const gone = fingerprintOf(Buffer.from("b"));
    expect(store.forgetVersions(TENANT, [gone, gone, fingerprintOf(Buffer.from("never seen"))])).toBe(1);
    expect([store.find(TENANT, gone), store.find(other, gone)?.body.toString()]).toEqual([undefined, "b"]);
  });
});
