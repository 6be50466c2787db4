/** Versions in a real Redis: what daemons of a side share, what who reads it learns, what is erased, and what does not come back. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { startFaultyRelay } from "../../../../bench/rig/faulty-relay.ts";
import { type RedisServer, startRedis } from "../../../../bench/rig/redis-server.ts";
import { RedisUrl } from "../../../../protocol/redis/redis-address.ts";
import { systemClock } from "../../../../protocol/runtime/clock.ts";
import type { SessionKey } from "../../../../protocol/scope/session-key.ts";
import { shortOf } from "../../../../protocol/store/fingerprint.ts";
import { KEPT_PER_URL } from "../../../../protocol/store/page-index.ts";
import { partitionOf } from "../../../../protocol/store/partition.ts";
import { lastHeardBeside } from "../../../../protocol/tier/disk/schema.ts";
import type { Forgotten } from "../../../../protocol/tier/lower-tier.ts";
import type { LastHeard } from "../../../../protocol/tier/shared/forget-news.ts";
import type { Side } from "../../../../protocol/tier/shared/shared-keys.ts";
import { MOST_ERASING, SharedTier } from "../../../../protocol/tier/shared/shared-tier.ts";
import { HastyClock } from "../../../kit/hasty-clock.ts";
import { describeWith, REDIS } from "../../../kit/outside-program.ts";
import { silentLog } from "../../../kit/silent-log.ts";
import { until } from "../../../kit/until.ts";
import { PARTITION, PEER, storedVersion, textOf } from "../disk/stored.ts";

const NEWS = [{ scopeKey: "public", key: "/news" }] as const;
/** Polls until it is so. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 20_000, interval: 5 });

const SESSION = "s".repeat(16) as SessionKey;
/** The tier's pauses are of half a second and of five. */
const clock = new HastyClock(8);
const HOST = { of: { host: "www.example.com" }, url: undefined } as const;

describeWith(REDIS, "a shared store", (program) => {
  let redis: RedisServer;
  let undo: AsyncDisposableStack;
  let folder: string;

  beforeAll(async () => {
    redis = await startRedis(program);
    folder = mkdtempSync(join(tmpdir(), "coilgun-shared-"));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await redis[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    undo = new AsyncDisposableStack();
    await redis.ask("FLUSHALL");
  });
  afterEach(() => undo.disposeAsync());

  const open = async ({
    side = "edge" as Side,
    key = 1,
    lastHeard = undefined as LastHeard | undefined,
    url = redis.url,
  } = {}) => {
    const heard: Forgotten[] = [];
    const tier = new SharedTier({
      url: new RedisUrl(url),
      storeKey: Buffer.alloc(32, key),
      untoldPath: join(folder, "untold-"),
      side,
      sessionMs: 60_000,
      lastHeard,
      clock,
      log: silentLog,
    });
    tier.heard = (what) => heard.push(what);
    undo.defer(() => tier.close());
    await until(() => tier.answers, "a tier that answers");
    const texts = async (lists: Parameters<SharedTier["listed"]>[1] = NEWS, peer = PEER) =>
      (await tier.listed(PARTITION, lists, peer)).map(textOf);
    const has = (...wanted: readonly string[]) => soon(() => texts()).toEqual(wanted);
    return Object.assign(tier, { heard_: heard, texts, has });
  };

  it("gives to one daemon what another put, newest first, known of the peers' stores", async () => {
    const [a, b] = [await open(), await open()];
    a.put(storedVersion("one"));
    await b.has("one");
    a.put(storedVersion("two"));
    await b.has("two", "one");
    const [newest] = await b.listed(PARTITION, NEWS, PEER);
    expect(newest).toEqual(storedVersion("two"));
    expect(await b.texts([{ scopeKey: "public", key: "html /*" }])).toEqual(["two"]);
    expect(await b.texts(NEWS, "other".padEnd(16) as typeof PEER)).toEqual([]);
    const held = new Set([storedVersion("two").fingerprint]);
    expect((await b.listed(PARTITION, NEWS, PEER, held)).map(textOf)).toEqual(["one"]);
  });

  it("keeps no body whose list the store has let go of", async () => {
    const edge = await open();
    for (const text of ["one", "two"]) edge.put(storedVersion(text));
    await edge.has("two", "one");
    const keys = async (kind: string) => ((await redis.ask("KEYS", `*:${kind}:*`)) as Buffer[]).map(String);
    const [bodies = ""] = await keys("v");
    await soon(() => redis.ask("HLEN", bodies)).toBe(2);
    for (const list of await keys("l")) await redis.ask("DEL", list);
    edge.put(storedVersion("three"));
    await edge.has("three");
    await soon(() => redis.ask("HLEN", bodies)).toBe(1);
    expect(await edge.texts()).toEqual(["three"]);
  });

  it("gives to one origin side what another put, by its name, and writes it once", async () => {
    const [a, b] = [await open({ side: "origin" }), await open({ side: "origin" })];
    a.put(storedVersion("one"));
    a.put(storedVersion("own", { scopeKey: SESSION }));
    const shorts = ["one", "own"].map((text) => shortOf(storedVersion(text).fingerprint));
    const named = async () => (await b.nominated(PARTITION, shorts)).map(textOf);
    await soon(named).toEqual(["one", "own"]);
    const keys = async () => ((await redis.ask("KEYS", "*:[lv]:*")) as Buffer[]).map(String).toSorted();
    const bodies = await keys();
    const written = await redis.ask("MGET", ...bodies);
    for (const body of bodies) await redis.ask("PEXPIRE", body, "50000");
    for (const scopeKey of ["public", SESSION] as const)
      b.put(storedVersion(scopeKey === "public" ? "one" : "own", { scopeKey }));
    const times = async () => Promise.all(bodies.map(async (body) => Number(await redis.ask("PTTL", body))));
    await soon(async () => (await times()).filter((ms) => ms > 50_000).length).toBe(2);
    expect([await redis.ask("MGET", ...bodies), await keys()]).toEqual([written, bodies]);
    await a.forget({ partition: PARTITION, fingerprints: [storedVersion("one").fingerprint], places: [] });
    expect(await named()).toEqual(["own"]);
  });

  it("brings the bodies of a URL along with its list, and asks only for those of other pages that nobody holds", async () => {
    const [a, b] = [await open(), await open()];
    a.put(storedVersion("one"));
    a.put(storedVersion("two"));
    a.put(storedVersion("sport", { url: "/sport" }));
    const template = [{ scopeKey: "public", key: "html /*" }] as const;
    await soon(async () => (await b.texts(template)).toSorted()).toEqual(["sport", "two"]);
    const commands = async (name: string) => {
      const stats = `${await redis.ask("INFO", "commandstats")}`;
      return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    };
    await redis.ask("CONFIG", "RESETSTAT");
    expect(await b.texts()).toEqual(["two", "one"]);
    expect(await commands("hget")).toBe(0);
    const held = new Set([storedVersion("two").fingerprint]);
    expect((await b.listed(PARTITION, template, PEER, held)).map(textOf)).toEqual(["sport"]);
    expect(await commands("hget")).toBe(1);
  });

  it("keeps apart edges from origin sides, other store keys, other partitions and other sessions", async () => {
    const [edge, origin, other] = [await open(), await open({ side: "origin" }), await open({ key: 2 })];
    edge.put(storedVersion("one"));
    edge.put(storedVersion("own", { scopeKey: SESSION }));
    await edge.has("one");
    await soon(() => edge.texts([{ scopeKey: SESSION, key: "/news" }])).toEqual(["own"]);
    expect([await origin.texts(), await other.texts()]).toEqual([[], []]);
    expect(await edge.texts([{ scopeKey: "t".repeat(16) as SessionKey, key: "/news" }])).toEqual([]);
    const elsewhere = partitionOf({ keyId: "k", host: "other.example.com" });
    expect(await edge.listed(elsewhere, NEWS, PEER)).toEqual([]);
    expect(new Set([edge.storeId, origin.storeId, other.storeId]).size).toBe(3);
    expect((await open()).storeId).toBe(edge.storeId);
  });

  it("holds nothing that tells a page, and takes nothing that was moved to another list", async () => {
    const [a, b] = [await open(), await open()];
    const listNames = async () => ((await redis.ask("KEYS", "*:l:*")) as Buffer[]).map(String);
    a.put(storedVersion("the text of a page ".repeat(20)));
    await soon(async () => (await b.texts()).length).toBe(1);
    const ofNews = await listNames();
    a.put(storedVersion("of another page", { url: "/sport", templates: [] }));
    const sport = [{ scopeKey: "public", key: "/sport" }] as const;
    await soon(() => b.texts(sport)).toEqual(["of another page"]);
    const names = (await redis.ask("KEYS", "*")) as Buffer[];
    const values = await Promise.all(names.map((name) => redis.ask("DUMP", `${name}`)));
    const all = Buffer.concat([...names, ...(values as Buffer[])]).toString("latin1");
    const { fingerprint } = storedVersion("of another page");
    for (const text of ["text of a page", "/news", "sport", "www.example", shortOf(fingerprint)])
      expect(all).not.toContain(text);
    const ofSport = (await listNames()).find((name) => !ofNews.includes(name)) ?? "";
    for (const list of ofNews) await redis.ask("COPY", ofSport, list, "REPLACE");
    expect(await b.texts()).toEqual([]);
    expect(await b.texts(sport)).toEqual(["of another page"]);
  });

  it("keeps of a URL as many versions as memory does, and writes no body twice", async () => {
    const [a, b] = [await open(), await open()];
    for (let i = 0; i <= KEPT_PER_URL; i++) {
      a.put(storedVersion(`page ${i}`));
      await soon(async () => (await b.texts())[0]).toBe(`page ${i}`);
    }
    await b.has("page 4", "page 3", "page 2", "page 1");
    const [body = ""] = ((await redis.ask("KEYS", "*:v:*")) as Buffer[]).map(String);
    await soon(async () => Number(await redis.ask("HLEN", body))).toBe(KEPT_PER_URL);
    const held = async () => ((await redis.ask("HVALS", body)) as Buffer[]).toSorted(Buffer.compare);
    const written = await held();
    // One after the other, as no more wait together than are kept.
    for (let i = 1; i <= KEPT_PER_URL; i++) {
      await redis.ask("PEXPIRE", body, "500000");
      b.put(storedVersion(`page ${i}`));
      await soon(async () => Number(await redis.ask("PTTL", body))).toBeGreaterThan(500_000);
    }
    expect(await held()).toEqual(written);
  });

  it.each([
    ["a host", HOST],
    ["a partition", { of: { partition: PARTITION }, url: undefined }],
    ["a URL", { of: { partition: PARTITION }, url: "/news" }],
    ["a session", { partition: PARTITION, session: SESSION }],
  ] as const)(
    "forgets %s everywhere, and who put it back from a copy of the store reads nothing",
    async (name, what) => {
      const [a, b] = [await open(), await open()];
      const scopeKey = name === "a session" ? SESSION : "public";
      const list = [{ scopeKey, key: "/news" }] as const;
      a.put(storedVersion("page", { scopeKey }));
      a.put(storedVersion("kept", { scopeKey: "u".repeat(16) as SessionKey }));
      await soon(() => b.texts(list)).toEqual(["page"]);
      const saved = [
        ...((await redis.ask("KEYS", "*:v:*")) as Buffer[]),
        ...((await redis.ask("KEYS", "*:l:*")) as Buffer[]),
      ].map(String);
      for (const key of saved) await redis.ask("COPY", key, `saved ${key}`);
      await a.forget(what);
      await until(() => b.heard_.length > 0, "the news");
      expect(b.heard_).toEqual([what]);
      expect(a.heard_).toEqual([]);
      for (const key of saved) await redis.ask("COPY", `saved ${key}`, key, "REPLACE");
      expect([await a.texts(list), await b.texts(list)]).toEqual([[], []]);
      const others = await a.texts([{ scopeKey: "u".repeat(16) as SessionKey, key: "/news" }]);
      expect(others).toEqual(name === "a session" ? ["kept"] : []);
      b.put(storedVersion("learnt again", { scopeKey }));
      await soon(() => a.texts(list)).toEqual(["learnt again"]);
    },
  );

  it.each([
    ["a partition's", { partition: PARTITION }],
    ["a host's", { host: "WWW.example.com" }],
  ] as const)("forgets %s URL alone, in all its lists, also what was put of it late", async (_, of) => {
    const [a, b, origin] = [await open(), await open(), await open({ side: "origin" })];
    const template = [{ scopeKey: "public", key: "html /*" }] as const;
    const shorts = ["news", "sport"].map((text) => shortOf(storedVersion(text).fingerprint));
    const named = async () => (await origin.nominated(PARTITION, shorts)).map(textOf);
    for (const tier of [a, origin]) {
      tier.put(storedVersion("news"));
      tier.put(storedVersion("sport", { url: "/sport" }));
    }
    await soon(async () => (await b.texts(template)).toSorted()).toEqual(["news", "sport"]);
    await soon(named).toEqual(["news", "sport"]);
    const names = ((await redis.ask("KEYS", "*:[lv]:*")) as Buffer[]).map(String);
    for (const tier of [a, origin]) await tier.forget({ of, url: "/news" });
    await until(() => b.heard_.length > 0, "the news");
    expect([names.length, Number(await redis.ask("EXISTS", ...names))]).toEqual([8, 8]);
    expect(await named()).toEqual(["sport"]);
    for (const tier of [a, b]) {
      expect(await tier.texts()).toEqual([]);
      expect(await tier.texts(template)).toEqual(["sport"]);
    }
    b.put(storedVersion("news"));
    await a.has("news");
    await a.forget({ of, url: "/news" });
    expect(await a.texts(template)).toEqual(["sport"]);
  });

  it("forgets the host where more of its pages were forgotten than it notes, and where it can note none", async () => {
    const a = await open();
    const forget = (url: string) => a.forget({ of: { partition: PARTITION }, url });
    a.put(storedVersion("news"));
    await a.has("news");
    const [host = ""] = ((await redis.ask("KEYS", "*:h:*")) as Buffer[]).map(String);
    const noted = (count: number) => Array.from({ length: count }, (_, i) => [`~${i}`, "then"]).flat();
    await redis.ask("HSET", host, ...noted(1_000));
    await forget("/sport");
    expect(await a.texts()).toEqual(["news"]);
    await redis.ask("HSET", host, ...noted(1_024));
    await forget("/one-more");
    expect(await a.texts()).toEqual([]);
    a.put(storedVersion("news"));
    await a.has("news");
    await redis.ask("CONFIG", "SET", "maxmemory", "1");
    const forgotten = forget("/other");
    await soon(async () => (await redis.ask("KEYS", "*:h:*")) as Buffer[]).toEqual([]);
    await redis.ask("CONFIG", "SET", "maxmemory", "0");
    await forgotten;
    expect(await a.texts()).toEqual([]);
  });

  it("tells what was forgotten while the store was away, though who forgot it ended before it was back", async () => {
    const [a, b] = [await open(), await open()];
    await redis.kill();
    await until(() => !a.answers && !b.answers, "two that are away");
    const lost = a.forget({ of: { partition: PARTITION }, url: "/news" }).catch(() => undefined);
    await until(() => readdirSync(folder).length === 1, "a note");
    expect(readFileSync(join(folder, readdirSync(folder)[0] ?? ""), "latin1")).not.toContain("news");
    await a.close();
    await lost;
    await redis.start();
    await open();
    await soon(() => b.heard_).toEqual([{ of: { partition: PARTITION }, url: "/news" }]);
    await until(() => readdirSync(folder).length === 0, "no note");
  });

  it("asks the store for a few things a version, of pages that come together", async () => {
    const a = await open();
    const commands = async () =>
      Number(/total_commands_processed:(\d+)/.exec(`${await redis.ask("INFO", "stats")}`)?.[1]);
    const before = await commands();
    const pages = Array.from({ length: 64 }, (_, i) => storedVersion(`page ${i}`, { url: `/${i}` }));
    for (const page of pages) a.put(page);
    await soon(async () => (await a.listed(PARTITION, [{ scopeKey: "public", key: "/63" }])).length).toBe(1);
    expect(((await commands()) - before) / 64).toBeLessThan(9);
  });

  it("forgets single versions", async () => {
    const [a, b] = [await open(), await open()];
    a.put(storedVersion("one"));
    a.put(storedVersion("two"));
    await soon(async () => (await b.texts()).length).toBe(2);
    await b.forget({ partition: PARTITION, fingerprints: [storedVersion("one").fingerprint], places: NEWS });
    expect(await a.texts()).toEqual(["two"]);
    const [body = ""] = ((await redis.ask("KEYS", "*:v:*")) as Buffer[]).map(String);
    expect(await redis.ask("HLEN", body)).toBe(1);
  });

  it("brings nothing back that was being written while the store was frozen and its host forgotten", async () => {
    const [writer, forgetter, reader] = [await open(), await open(), await open()];
    writer.put(storedVersion("before"));
    await reader.has("before");
    redis.freeze();
    writer.put(storedVersion("under way"));
    // It is on its way: the store answers nothing any more, and nobody reads from it.
    await until(() => !writer.answers && !reader.answers, "a store that is given up");
    const forgotten = forgetter.forget(HOST);
    redis.thaw();
    await forgotten;
    await until(() => writer.heard_.length > 0 && reader.heard_.length > 0, "the news");
    writer.put(storedVersion("after"));
    await reader.has("after");
    expect(await writer.texts()).toEqual(["after"]);
  });

  it("tells those that were away, also where the store lost its log meanwhile", async () => {
    const [a, b] = [await open(), await open()];
    a.put(storedVersion("page"));
    await b.has("page");
    await redis.kill();
    await until(() => !a.answers && !b.answers, "two that are away");
    const forgotten = a.forget(HOST);
    await redis.start();
    await forgotten;
    await until(() => b.heard_.length > 0, "the news");
  });

  it("hears after a start what was forgotten since it last heard, whatever clocks say, and nothing from before", async () => {
    const folder = mkdtempSync(join(tmpdir(), "coilgun-heard-"));
    undo.defer(() => rmSync(folder, { recursive: true }));
    const versions = join(folder, "versions");
    const a = await open();
    await a.forget({ of: { host: "earlier.example.com" }, url: undefined });
    const first = await open({ lastHeard: lastHeardBeside(versions) });
    writeFileSync(versions, "");
    const kept = () => readFileSync(`${versions}-heard`, "latin1");
    await soon(() => existsSync(`${versions}-heard`)).toBe(true);
    await first.close();
    const again = await open({ lastHeard: lastHeardBeside(versions) });
    const before = kept();
    await a.forget(HOST);
    await soon(() => again.heard_).toEqual([HOST]);
    await soon(kept).not.toBe(before);
    await again.close();
    await a.forget({ partition: PARTITION, session: SESSION });
    const last = await open({ lastHeard: lastHeardBeside(versions) });
    await soon(() => last.heard_).toEqual([{ partition: PARTITION, session: SESSION }]);
    writeFileSync(`${versions}-heard`, "torn");
    const torn = await open({ lastHeard: lastHeardBeside(versions) });
    await soon(() => torn.heard_.length).toBe(3);
  });

  it("asks for so many erasures at most while the store is away, and erases all the more then", async () => {
    const [a, b] = [await open(), await open()];
    await redis.kill();
    await until(() => !a.answers && !b.answers, "two that are away");
    const gone = Array.from({ length: 2 * MOST_ERASING }, (_, i) =>
      a.forget({ partition: PARTITION, session: `${i}`.padEnd(16) as SessionKey }),
    );
    await redis.start();
    await Promise.all(gone);
    const [news = ""] = ((await redis.ask("KEYS", "*:news")) as Buffer[]).map(String);
    expect(Number(await redis.ask("XLEN", news))).toBeLessThanOrEqual(MOST_ERASING + 2);
    await soon(() => b.heard_).toContainEqual({ of: { partition: PARTITION } });
  });

  it("is back by itself after it was emptied, and full", async () => {
    const [a, b] = [await open(), await open()];
    a.put(storedVersion("one"));
    await b.has("one");
    await redis.ask("FLUSHALL");
    expect(await b.texts()).toEqual([]);
    a.put(storedVersion("two"));
    await b.has("two");
    await redis.ask("CONFIG", "SET", "maxmemory", "1");
    a.put(storedVersion("three"));
    await until(() => a.dropped > 0, "a version that was not taken");
    expect(await b.texts()).toEqual(["two"]);
    // What is to go goes all the same.
    const forgotten = a.forget(HOST);
    await soon(() => b.texts()).toEqual([]);
    await redis.ask("CONFIG", "SET", "maxmemory", "0");
    await forgotten;
    await until(() => b.heard_.length > 0, "the news");
  });

  it("is asked nothing while it answers late, and again when it does not", async () => {
    const relay = await startFaultyRelay(redis.path, systemClock);
    undo.defer(() => relay.close());
    const [near, far] = [await open(), await open({ url: `redis://${relay.address}` })];
    const slow = (delayMs: number) => {
      for (const { toOrigin } of relay.connections) toOrigin.slow({ delayMs });
    };
    slow(500);
    await until(() => !far.answers && near.answers, "a store that is too slow for one of them");
    far.put(storedVersion("late"));
    await near.has("late");
    slow(0);
    await until(() => far.answers, "a store that is quick again");
    await far.has("late");
  });
});
