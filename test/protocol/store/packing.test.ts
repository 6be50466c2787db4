import { expect, it } from "vitest";
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import type { Scope } from "../../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { PARTITION_BYTES } from "../../../protocol/store/memory-accounting.ts";
import { MOST_PACKED_BYTES, pack, unpack } from "../../../protocol/store/pack.ts";
import { COOL_MS, MOST_REFILED, TURN_MS } from "../../../protocol/store/packing.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { HeldVersion } from "../../../protocol/store/stored-version.ts";
import { type Version, VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { Random, seeded } from "../../kit/random.ts";

const TENANT = partitionOf({ keyId: "k1", host: "a.example" });
const PUBLIC: Scope = { kind: "public", retention: "keep" };
const sessionOf = (name: string): Scope => ({
  kind: "session",
  session: name.padEnd(16, ".") as SessionKey,
  retention: "session",
  marks: undefined,
});
/** Until all that was left alone is packed. */
const COLD = COOL_MS + 1_000;

/** Text of one page in its `edit`th version: prose that differs from URL to URL, with a few words of each version's own. */
function pageText(url: string, edit: number, bytes = 20_000): Buffer {
  const random = new Random([...url].reduce((sum, each) => sum * 31 + each.charCodeAt(0), 7));
  const words = Array.from({ length: 400 }, () =>
    random
      .next()
      .toString(36)
      .slice(2, 2 + random.int(2, 9)),
  );
  let text = `<html><title>${url}</title>`;
  for (let line = 0; text.length < bytes; line++)
    text += `<p class="line">${random.pick(words)} ${random.pick(words)} ${random.pick(words)}</p>\n${
      line % 40 === 0 ? `<i>edit ${edit * (line + 1)}</i>` : ""
    }`;
  return Buffer.from(text);
}

function storeOf(bytes: number) {
  const clock = new FakeClock();
  const store = new VersionStore({ clock, bytes });
  const remember = (body: Buffer, url = "/a", scope: Scope = PUBLIC): HeldVersion => {
    const version = store.remember(TENANT, {
      url,
      templates: [],
      body,
      fingerprint: fingerprintOf(body),
      scope,
    });
    if (!(version instanceof HeldVersion)) throw new Error("not held");
    return version;
  };
  return { clock, store, remember };
}

it("packs versions that are not used on one of their page, to less than a quarter with all that is charged", async () => {
  const { clock, store, remember } = storeOf(16 * 1024 * 1024);
  const pages = Array.from({ length: 20 }, (_, url) =>
    [0, 1, 2, 3].map((edit) => pageText(`/page${url}`, edit)),
  );
  const versions = pages.flatMap((bodies, url) => bodies.map((body) => remember(body, `/page${url}`)));
  const before = store.bytes;
  await clock.advance(COLD);
  expect(versions.filter(({ raw }) => raw !== undefined)).toEqual([]);
  expect(versions.filter(({ packed }) => packed?.on !== undefined)).toHaveLength(60);
  expect(store.bytes).toBeLessThan(before / 4);
  expect(versions.map(({ body }) => body)).toEqual(pages.flat());
  store.close();
  expect(clock.timers).toBe(0);
});

it("holds as it is what is used again and again", async () => {
  const { clock, store, remember } = storeOf(16 * 1024 * 1024);
  const used = remember(pageText("/a", 1));
  const left = remember(pageText("/b", 1), "/b");
  for (let times = 0; times < 8; times++) {
    await clock.advance(COOL_MS / 4);
    store.nominated(TENANT, [used.short]);
  }
  expect(used.raw).toBeDefined();
  expect(left.raw).toBeUndefined();
});

it("packs those unused longest at once when many are in use", async () => {
  const { clock, store, remember } = storeOf(800_000);
  const versions = Array.from({ length: 10 }, (_, n) => remember(pageText(`/${n}`, 1), `/${n}`));
  await clock.advance(200);
  const raw = versions.filter((each) => each.raw !== undefined);
  expect(raw).toEqual(versions.slice(-raw.length));
  expect(raw.length * 20_000).toBeLessThan(110_000);
  store.close();
});

it("heeds what was used since it came, when many are in use", async () => {
  const { clock, store, remember } = storeOf(800_000);
  const versions = Array.from({ length: 10 }, (_, n) => remember(pageText(`/${n}`, 1), `/${n}`));
  await clock.advance(1);
  for (const { short } of versions.slice(0, 2)) store.nominated(TENANT, [short]);
  await clock.advance(200);
  const raw = versions.filter((each) => each.raw !== undefined);
  expect(raw).toEqual(expect.arrayContaining(versions.slice(0, 2)));
  expect(raw.length * 20_000).toBeLessThan(110_000);
  store.close();
});

it("goes through no more than some at a time of those that were used since, and to the end", async () => {
  const { clock, store, remember } = storeOf(64 * 1024 * 1024);
  const used = Array.from({ length: 2 * MOST_REFILED + 1 }, (_, n) =>
    remember(pageText(`/${n}`, 1, 600), `/${n}`),
  );
  const left = remember(pageText("/left", 1, 600), "/left");
  await clock.advance(COOL_MS - 1);
  for (const { short } of used) store.nominated(TENANT, [short]);
  const turns: boolean[] = [];
  for (let turn = 0; turn < 4; turn++) {
    await clock.advance(turn === 0 ? 1 : TURN_MS);
    turns.push(left.raw === undefined);
  }
  expect(turns).toEqual([false, false, true, true]);
  expect(used.filter(({ raw }) => raw === undefined)).toEqual([]);
  store.close();
});

it("leaves alone what gains nothing, and what would take long to unpack", async () => {
  const { clock, remember } = storeOf(16 * 1024 * 1024);
  const random = new Random(1);
  const noise = Buffer.from(Uint8Array.from({ length: 5_000 }, () => random.int(0, 255)));
  const versions = [
    remember(noise, "/noise"),
    remember(Buffer.from("short"), "/short"),
    remember(Buffer.alloc(MOST_PACKED_BYTES + 1, "long"), "/long"),
  ];
  await clock.advance(COLD);
  for (const { raw, packed } of versions) expect([raw?.length !== 0, packed]).toEqual([true, undefined]);
});

it("counts neither packing nor unpacking as a use", async () => {
  const { clock, store, remember } = storeOf(16 * 1024 * 1024);
  const version = remember(pageText("/a", 1), "/a", sessionOf("ann"));
  await clock.advance(3_599_000);
  expect(version.body.equals(pageText("/a", 1))).toBe(true);
  await clock.advance(1_001);
  expect(store.holds(version)).toBe(false);
});

it("packs nothing of a session on what only another session finds", async () => {
  const { clock, remember } = storeOf(16 * 1024 * 1024);
  const of = (name: string) =>
    [1, 2, 3].map((edit) => remember(pageText("/a", edit * name.charCodeAt(0)), "/a", sessionOf(name)));
  const [anns, bobs] = [of("ann"), of("bob")];
  await clock.advance(COLD);
  for (const versions of [anns, bobs]) {
    const bases = versions.flatMap(({ packed }) => packed?.on ?? []);
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(versions).toContain(base);
  }
});

it.each(["forgotten", "mistrusted", "replaced"] as const)(
  "keeps nothing packed on a version that is %s",
  async (how) => {
    const { clock, store, remember } = storeOf(16 * 1024 * 1024);
    const versions = [1, 2, 3, 4].map((edit) => remember(pageText("/a", edit)));
    await clock.advance(COLD);
    const key = versions.find(({ dependents }) => dependents !== undefined);
    if (key === undefined) throw new Error("none is packed on another");
    if (how === "mistrusted") store.forgetVersions(TENANT, [key.fingerprint]);
    else if (how === "forgotten") store.forget({ partition: TENANT }, "/a");
    else {
      for (const edit of [5, 6, 7, 8]) remember(pageText("/a", edit));
      await clock.advance(30_000);
    }
    expect(store.holds(key)).toBe(false);
    const others = versions.filter((each) => each !== key);
    for (const other of others.filter((each) => store.holds(each))) expect(other.packed?.on).not.toBe(key);
    // Whoever was offered them has them still.
    expect(versions.map(({ body }) => body.length)).toEqual(
      [1, 2, 3, 4].map((edit) => pageText("/a", edit).length),
    );
  },
);

it("lets what is packed on a version go with it when there is no room", async () => {
  const { clock, store, remember } = storeOf(200_000);
  const versions = [1, 2, 3, 4].map((edit) => remember(pageText("/a", edit)));
  await clock.advance(COLD);
  for (let url = 0; store.holds(versions[3] as Version); url++) {
    remember(pageText(`/${url}`, 1), `/${url}`);
    expect(store.bytes).toBeLessThanOrEqual(200_000);
  }
  const held = versions.filter((each) => store.holds(each));
  for (const each of held) expect(store.holds(each.packed?.on ?? each)).toBe(true);
});

it("takes damage for an empty body, and the version for lost", async () => {
  const { clock, store, remember } = storeOf(16 * 1024 * 1024);
  const versions = [1, 2, 3].map((edit) => remember(pageText("/a", edit)));
  await clock.advance(COLD);
  const key = versions.find(({ dependents }) => dependents !== undefined);
  const coded = key?.packed?.coded ?? Buffer.alloc(0);
  coded[coded.length >> 1] = (coded[coded.length >> 1] ?? 0) ^ 1;
  // All that is packed on it is lost with it.
  expect(versions.map(({ body }) => body.length)).toEqual([0, 0, 0]);
  expect(store.count).toBe(0);
});

it("tells every damaged bit of a packed body, and a base that is another one", async () => {
  const random = seeded();
  const [base, body] = [pageText("/a", 1, 3_000), pageText("/a", 2, 3_000)];
  for (const on of [undefined, base]) {
    const coded = await pack(body, on);
    if (coded === undefined) throw new Error("not packed");
    expect(coded.length).toBeLessThan(on === undefined ? 1_700 : 200);
    expect(unpack(coded, on, body.length)?.equals(body)).toBe(true);
    for (let times = 0; times < 200; times++) {
      const damaged = Buffer.from(coded);
      const at = random.int(0, coded.length - 1);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.int(0, 7));
      const found = unpack(damaged, on, body.length);
      expect(found === undefined || found.equals(body)).toBe(true);
    }
    expect(unpack(coded, on, body.length - 1)).toBeUndefined();
  }
  const coded = await pack(body, base);
  expect(unpack(coded ?? base, pageText("/b", 1, 3_000), body.length)).toBeUndefined();
});

it("gives back every body byte for byte, within its bound, whatever happens in whatever order", async () => {
  const random = seeded();
  const { clock, store, remember } = storeOf(400_000);
  const bodies = new Map<HeldVersion, Buffer>();
  const scopes = [PUBLIC, sessionOf("ann"), sessionOf("bob")];
  const check = (): void => {
    expect(store.bytes).toBeLessThanOrEqual(400_000);
    let charged = 0;
    for (const version of bodies.keys()) {
      charged += version.accountedBytes;
      const on = version.packed?.on;
      if (on === undefined || !store.holds(version)) continue;
      expect(on.accountedBytes).toBeGreaterThan(0);
      expect(on.packed?.on).toBeUndefined();
    }
    expect(charged).toBe(store.count === 0 ? 0 : store.bytes - PARTITION_BYTES);
  };
  for (let step = 0; step < 400; step++) {
    const url = `/${random.int(0, 4)}`;
    const known = [...bodies.keys()];
    const act = random.next();
    if (act < 0.5 || known.length === 0) {
      const body = pageText(url, random.int(0, 30), random.pick([300, 3_000, 9_000]));
      bodies.set(remember(body, url, random.pick(scopes)), body);
    } else if (act < 0.7) {
      const version = random.pick(known);
      expect(version.body.equals(bodies.get(version) ?? Buffer.alloc(0))).toBe(true);
    } else if (act < 0.75) store.nominated(TENANT, [random.pick(known).short]);
    else if (act < 0.78) store.forget({ partition: TENANT }, url);
    else if (act < 0.8) store.forgetVersions(TENANT, [random.pick(known).fingerprint]);
    else await clock.advance(random.pick([10, 100, COLD, 20_000]));
    check();
  }
  for (const [version, body] of bodies) expect(version.body.equals(body)).toBe(true);
  store.forget({ partition: TENANT });
  expect([store.count, store.bytes]).toEqual([0, 0]);
});
