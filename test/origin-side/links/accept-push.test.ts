/** What an edge pushes is held when it verifies, and passed over in every other case, before memory is spent on it. */
import { describe, expect, it, vi } from "vitest";
import {
  MOST_PUSHED_BYTES,
  MOST_PUSHES_PER_MINUTE,
  PushReceiver,
} from "../../../origin-side/links/accept-push.ts";
import { spliceCodec, spliceMixedAlone } from "../../../protocol/codec/splice.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { LinkError } from "../../../protocol/errors.ts";
import { DIGEST_BYTES, type VersionFrame } from "../../../protocol/frames/frame.ts";
import { whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { AT_ONCE_BYTES, SlicedBytes } from "../../../protocol/mixing/long-pages.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { MOST_NAME_CHARS } from "../../../protocol/store/common-base-name.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";
import { silentLog } from "../../kit/silent-log.ts";

const HOST = "www.example.com";
const LINK = { keyId: "k", peer: { features: ["push"] } };
const BASE = Buffer.from(Array.from({ length: 200 }, (_, at) => `line ${at * 7919}\n`).join(""));
const BODY = BASE.subarray(100, 2_000);
const CODED = await zstdCodec.encode([BASE], BODY);

const FRAME: VersionFrame = {
  kind: "version",
  host: HOST,
  name: "html /desk/*",
  noStore: false,
  result: fingerprintOf(BODY).slice(0, DIGEST_BYTES),
  size: BODY.length,
  codec: zstdCodec.id,
  bases: [shortOf(fingerprintOf(BASE))],
  coded: CODED,
};

const side = ({ memoryBytes = 1e7 } = {}) => {
  const clock = new FakeClock();
  const store = new VersionStore({ clock });
  const memory = new MemoryBudget({ totalBytes: memoryBytes, shareBytes: memoryBytes });
  const partition = partitionOf({ keyId: "k", host: HOST });
  const scope = { kind: "public", retention: "keep" } as const;
  store.remember(partition, {
    url: "/a",
    templates: [],
    body: BASE,
    fingerprint: fingerprintOf(BASE),
    scope,
  });
  const taker = new PushReceiver({ clock, log: silentLog, store, memory });
  const held = () =>
    store.nominated(partition, [shortOf(fingerprintOf(BODY))])[0]?.body.equals(BODY) ?? false;
  return { clock, store, memory, partition, taker, held };
};

it("what proves is held, and found by its short fingerprint", async () => {
  const { taker, held, memory } = side();
  expect([await taker.take(LINK, FRAME), held(), memory.usedBytes]).toEqual([undefined, true, 0]);
});

describe("is passed over", () => {
  const OTHER = "\x01".repeat(8);
  it.each<[string, Partial<VersionFrame>, string]>([
    ["another host's bases", { host: "other.example" }, "a base is gone"],
    ["a base that is gone", { bases: [OTHER] }, "a base is gone"],
    ["one of two bases gone", { bases: [...FRAME.bases, OTHER] }, "a base is gone"],
    ["no bases where some are needed", { bases: [] }, "it does not verify"],
    ["another result", { result: "\x01".repeat(DIGEST_BYTES) }, "it does not verify"],
    ["a smaller size", { size: BODY.length - 1 }, "it does not verify"],
    ["a larger size", { size: BODY.length + 1 }, "it does not verify"],
    ["an unknown codec", { codec: 99 }, "it does not verify"],
    ["damaged bytes", { coded: Buffer.from("damage") }, "it does not verify"],
    ["no bytes", { coded: Buffer.alloc(0) }, "it does not verify"],
    ["more than may be", { size: MOST_PUSHED_BYTES + 1 }, "too large"],
    ["a long name", { name: "x".repeat(MOST_NAME_CHARS + 1) }, "too large"],
  ])("%s", async (_, lie, why) => {
    const { taker, held, memory, store } = side();
    expect(await taker.take(LINK, { ...FRAME, ...lie })).toBe(why);
    expect([held(), memory.usedBytes, store.count]).toEqual([false, 0, 1]);
  });

  it("the longest name and the largest size are not too large", async () => {
    expect(await side().taker.take(LINK, { ...FRAME, name: "x".repeat(MOST_NAME_CHARS) })).toBeUndefined();
    expect(await side().taker.take(LINK, { ...FRAME, size: MOST_PUSHED_BYTES })).toBe("it does not verify");
  });

  it("what takes turns to decode, of which nothing is decoded, while what does not is held", async () => {
    const random = seeded();
    for (const [bytes, why] of [
      [AT_ONCE_BYTES, undefined],
      [AT_ONCE_BYTES + 1, "it does not verify"],
    ] as const) {
      const { taker, memory } = side();
      const body = random.bytes(bytes);
      const coded = await whole((await spliceMixedAlone(body)) ?? Buffer.alloc(0));
      const result = fingerprintOf(body).slice(0, DIGEST_BYTES);
      const slices = vi.spyOn(SlicedBytes.prototype, "code");
      const frame = { ...FRAME, codec: spliceCodec.id, bases: [], size: bytes, coded, result };
      expect(await taker.take(LINK, frame)).toBe(why);
      expect([slices.mock.calls.length, memory.usedBytes]).toEqual([why === undefined ? 1 : 0, 0]);
      vi.restoreAllMocks();
    }
  });

  it("what memory is not there for", async () => {
    const need = BODY.length + CODED.length;
    expect(await side({ memoryBytes: need - 1 }).taker.take(LINK, FRAME)).toBe("no memory");
    expect(await side({ memoryBytes: need }).taker.take(LINK, FRAME)).toBeUndefined();
  });

  it("more than a minute may bring, until the next one", async () => {
    const { taker, clock } = side();
    for (let at = 0; at < MOST_PUSHES_PER_MINUTE; at++)
      expect(await taker.take(LINK, { ...FRAME, bases: [OTHER] })).toBe("a base is gone");
    expect(await taker.take(LINK, FRAME)).toBe("too many in a minute");
    expect(await taker.take({ ...LINK }, FRAME), "another link").toBeUndefined();
    await clock.advance(60_000);
    expect(await taker.take(LINK, FRAME)).toBeUndefined();
  });
});

it("a peer that did not agree on it breaks the link", () => {
  const { taker } = side();
  expect(() => taker.take({ keyId: "k", peer: { features: [] } }, FRAME)).toThrow(LinkError);
});

it("newer ones of a name take the place of older ones; all are erased with the URL, or in time", async () => {
  const { taker, store, partition, clock } = side();
  for (let number = 0; number < 10; number++) {
    const body = Buffer.concat([BODY, Buffer.from(`${number}`)]);
    const coded = await zstdCodec.encode([BASE], body);
    const result = fingerprintOf(body).slice(0, DIGEST_BYTES);
    expect(await taker.take(LINK, { ...FRAME, size: body.length, coded, result })).toBeUndefined();
  }
  await clock.advance(30_000);
  expect(store.count).toBe(1 + 4);
  expect(store.forget({ partition }, "/desk/anything")).toBe(4);
  await taker.take(LINK, { ...FRAME, noStore: true });
  await clock.advance(620_000);
  expect(store.count).toBe(1);
});
