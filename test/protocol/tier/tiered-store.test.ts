/** Memory and a tier below: what goes down, what comes up, who waits for how long, and what does not come back. */
import { expect, it, vi } from "vitest";
import type { Scope } from "../../../protocol/scope/scope.ts";
import type { SessionKey } from "../../../protocol/scope/session-key.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { MAX_OFFERS } from "../../../protocol/store/page-index.ts";
import { LEAST_WAIT_MS, MOST_FAILURES, PAUSE_MS, TIER_WAIT_MS } from "../../../protocol/tier/hope.ts";
import { LATER_MS, PUT_AGAIN_MS, TieredStore } from "../../../protocol/tier/tiered-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { ScriptedTier } from "../../kit/scripted-tier.ts";
import { PARTITION, PEER, storedVersion } from "./disk/stored.ts";

const SESSION = "s".repeat(16) as SessionKey;
const PUBLIC: Scope = { kind: "public", retention: "keep" };
const OWN: Scope = { kind: "session", session: SESSION, retention: "session", marks: undefined };
const LISTS = [{ scopeKey: "public", key: "/news" }] as const;

const opened = (sessions = true) => {
  const clock = new FakeClock();
  const tier = new ScriptedTier();
  const store = new TieredStore({ clock, tiers: [{ tier, sessions }], bytes: 2 ** 20 });
  const remember = (text: string, scope: Scope, memoryOnly = false) => {
    const body = Buffer.from(text);
    const page = { url: "/news", templates: ["html /*"], body, fingerprint: fingerprintOf(body) };
    return store.remember(PARTITION, { ...page, scope, from: PEER, memoryOnly });
  };
  return { clock, tier, store, remember };
};

it("writes what is remembered, once for as long as nothing of it changes", async () => {
  const { clock, tier, remember } = opened();
  remember("page", PUBLIC);
  remember("page", PUBLIC);
  expect(tier.puts).toEqual([
    { ...storedVersion("page", { templates: ["html /*"] }), body: Buffer.from("page") },
  ]);
  await clock.advance(PUT_AGAIN_MS);
  remember("page", PUBLIC);
  expect(tier.puts).toHaveLength(2);
});

it.each([
  ["no-store", true, { ...OWN, retention: "no-store" } as const, false],
  ["public and no-store", true, { ...PUBLIC, retention: "no-store" } as const, false],
  ["a session's, unless the settings say so", false, OWN, false],
  ["known by an address alone", true, OWN, true],
])("never writes what is %s", (_, sessions, scope, memoryOnly) => {
  const { tier, remember } = opened(sessions);
  expect(remember("page", scope, memoryOnly)).toBeDefined();
  expect(tier.puts).toEqual([]);
});

it("erases below what must stay in memory from now on, once", async () => {
  const { clock, tier, remember } = opened();
  const page = remember("page", PUBLIC);
  for (let again = 0; again < 2; again++) {
    remember("page", { ...PUBLIC, retention: "no-store" });
    await clock.advance(PUT_AGAIN_MS - 1);
    remember("page", { ...PUBLIC, retention: "no-store" });
    await clock.advance(1);
  }
  const places = [{ scopeKey: "public", key: "/news" }];
  expect(tier.forgotten).toEqual([{ partition: PARTITION, fingerprints: [page?.fingerprint], places }]);
});

it("finds what the tier has, with the peer's store that it came from, and asks once for concurrent visits", async () => {
  const { tier, store } = opened();
  const both = [store.fetchListed(PARTITION, LISTS, PEER), store.fetchListed(PARTITION, LISTS, PEER)];
  expect(tier.asked).toHaveLength(1);
  tier.asked[0]?.resolve([storedVersion("newest"), storedVersion("older")]);
  await Promise.all(both);
  const found = store.listed(PARTITION, "public", "/news", PEER).map(({ body }) => body.toString());
  expect(found).toEqual(["older", "newest"]);
  expect(tier.puts).toEqual([]);
  expect(store.fetchListed(PARTITION, LISTS, PEER)).toBeUndefined();
});

it.each([
  ["later where there is one of its URL", { isFound: true, held: 0 }],
  ["at once where there is none", { isFound: false, held: MAX_OFFERS - 1 }],
  ["not at all where memory has enough", { isFound: true, held: MAX_OFFERS }],
  ["not at all where memory has enough, if there is none of its URL", { isFound: false, held: MAX_OFFERS }],
])("looks for versions of a page's templates %s", async (_, { isFound, held }) => {
  const { clock, tier, store } = opened();
  const templates = [{ scopeKey: "public", key: "html /*" }] as const;
  for (let n = 0; n < held; n++) {
    const body = Buffer.from(`held ${n}`);
    const page = { url: `/${n}`, templates: ["html /*"], body, fingerprint: fingerprintOf(body) };
    store.remember(PARTITION, { ...page, scope: PUBLIC, from: PEER });
  }
  const fetched = store.fetchListed(PARTITION, [{ scopeKey: "public", key: "/sport" }], PEER, templates);
  tier.asked[0]?.resolve(isFound ? [storedVersion("sport", { url: "/sport" })] : []);
  if (isFound || held === MAX_OFFERS) await fetched;
  else await vi.waitFor(() => expect(tier.asked).toHaveLength(2));
  await clock.advance(LATER_MS);
  tier.asked[1]?.resolve([storedVersion("weather", { url: "/weather" })]);
  await fetched;
  await new Promise(setImmediate);
  const found = store.listed(PARTITION, "public", "html /*", PEER).map(({ body }) => body.toString());
  expect(found.includes("weather")).toBe(held < MAX_OFFERS);
  // Each question is counted, also one that nobody waits for.
  const later = isFound && held < MAX_OFFERS ? 1 : 0;
  expect(store.tiers[0]).toMatchObject({
    asked: 1 + later,
    found: held < MAX_OFFERS || isFound ? 1 + later : 0,
  });
});

it("asks for an offered version only where memory misses it", async () => {
  const { tier, store, remember } = opened();
  const [held, missing] = [remember("held", PUBLIC), storedVersion("missing")];
  expect(held && store.fetchNominated(PARTITION, [held.short])).toBeUndefined();
  const fetched = store.fetchNominated(PARTITION, [shortOf(missing.fingerprint)]);
  tier.asked[0]?.resolve([missing]);
  await fetched;
  expect(store.nominated(PARTITION, [shortOf(missing.fingerprint)])[0]?.body.toString()).toBe("missing");
});

it("waits no longer than its limit, and after some in vain asks nothing for a while", async () => {
  const { clock, tier, store } = opened();
  const fetch = (i: number) => store.fetchListed(PARTITION, [{ scopeKey: "public", key: `/${i}` }], PEER);
  for (let i = 0; i < MOST_FAILURES; i++) {
    const fetched = fetch(i);
    await clock.advance(TIER_WAIT_MS);
    await fetched;
  }
  expect(fetch(MOST_FAILURES)).toBeUndefined();
  expect(tier.asked).toHaveLength(MOST_FAILURES);
  expect(store.tiers[0]).toMatchObject({ late: MOST_FAILURES, skipped: 1 });
  await clock.advance(PAUSE_MS);
  expect(fetch(MOST_FAILURES)).toBeDefined();
});

it("waits less long for a tier that has been quick, and longer again for one that is slower now", async () => {
  const { clock, tier, store } = opened();
  let asked = 0;
  const answeredAfter = async (ms: number) => {
    const fetched = store.fetchListed(PARTITION, [{ scopeKey: "public", key: `/${asked}` }], PEER);
    let waited = Number.NaN;
    void fetched?.then(() => {
      waited = clock.now() - at;
    });
    const at = clock.now();
    for (let passed = 0; passed < ms; passed++) await clock.advance(1);
    tier.asked[asked++]?.resolve([]);
    await new Promise(setImmediate);
    return waited;
  };
  for (let i = 0; i < 40; i++) await answeredAfter(1);
  expect(await answeredAfter(TIER_WAIT_MS)).toBe(LEAST_WAIT_MS);
  expect(await answeredAfter(1)).toBeNaN();
  expect(await answeredAfter(TIER_WAIT_MS - 1)).toBe(TIER_WAIT_MS - 1);
});

it("takes what came to nothing at the same time for one failure", async () => {
  const { clock, store } = opened();
  const fetch = (i: number) => store.fetchListed(PARTITION, [{ scopeKey: "public", key: `/${i}` }], PEER);
  for (let i = 0; i < MOST_FAILURES; i++) fetch(i);
  await clock.advance(TIER_WAIT_MS);
  fetch(MOST_FAILURES);
  expect(store.tiers[0]).toMatchObject({ late: MOST_FAILURES, skipped: 0, reached: true });
});

it("asks on after once in vain, but waits for nothing until something was answered", async () => {
  const { clock, tier, store } = opened();
  const fetch = (i: number) => store.fetchListed(PARTITION, [{ scopeKey: "public", key: `/${i}` }], PEER);
  let isOver = false;
  void fetch(0)?.then(() => {
    isOver = true;
  });
  await clock.advance(TIER_WAIT_MS - 1);
  expect(isOver).toBe(false);
  await clock.advance(1);
  expect([isOver, fetch(1), tier.asked.length]).toEqual([true, undefined, 2]);
  tier.asked[1]?.resolve([storedVersion("page", { url: "/1" })]);
  await new Promise(setImmediate);
  expect(store.listed(PARTITION, "public", "/1", PEER)).toHaveLength(1);
  expect(fetch(2)).toBeDefined();
});

it("goes on where the tier fails", async () => {
  const { tier, store } = opened();
  const fetched = store.fetchListed(PARTITION, LISTS, PEER);
  tier.asked[0]?.reject(new Error("no disk"));
  await fetched;
  expect(store.tiers[0]?.failed).toBe(1);
});

it("does not bring back what was forgotten while it was read", async () => {
  const { tier, store } = opened();
  const fetched = store.fetchListed(PARTITION, LISTS, PEER);
  store.forget({ host: "www.example.com" });
  tier.asked[0]?.resolve([storedVersion("page")]);
  await fetched;
  expect(store.count).toBe(0);
  expect(tier.forgotten).toEqual([{ of: { host: "www.example.com" }, url: undefined }]);
});

it("forgets below a session that is nobody's any more", () => {
  const { tier, store } = opened();
  store.inherit(PARTITION, { from: undefined, to: SESSION });
  expect(tier.forgotten).toEqual([{ partition: PARTITION, session: SESSION }]);
});

it("tells a tier without what is a session's of no session, and reads on from it", async () => {
  const { tier, store } = opened(false);
  const fetched = store.fetchListed(PARTITION, LISTS, PEER);
  store.inherit(PARTITION, { from: undefined, to: SESSION });
  tier.asked[0]?.resolve([storedVersion("page")]);
  await fetched;
  expect(tier.forgotten).toEqual([]);
  expect(store.listed(PARTITION, "public", "/news")).toHaveLength(1);
});

it("of two tiers tells only the one that holds sessions of a session that is nobody's", () => {
  const [file, shared] = [new ScriptedTier(), new ScriptedTier()];
  const tiers = [
    { tier: file, sessions: true },
    { tier: shared, sessions: false },
  ];
  new TieredStore({ clock: new FakeClock(), tiers, bytes: 2 ** 20 }).inherit(PARTITION, {
    from: undefined,
    to: SESSION,
  });
  expect([file.forgotten.length, shared.forgotten.length]).toEqual([1, 0]);
});
