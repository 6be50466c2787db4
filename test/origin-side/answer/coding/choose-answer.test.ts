import { describe, expect, it } from "vitest";
import {
  fittingBases,
  type Nominated,
  offersMask,
  sameAs,
  type UsableBase,
  usableBases,
  whyUnused,
} from "../../../../origin-side/answer/coding/choose-answer.ts";
import type { Codec } from "../../../../protocol/codec/codec.ts";
import { zstdCodec } from "../../../../protocol/codec/zstd.ts";
import { type Fingerprint, fingerprintOf, shortOf } from "../../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../../protocol/store/partition.ts";
import { VersionStore } from "../../../../protocol/store/version-store.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";

describe("offers", () => {
  const partition = partitionOf({ keyId: "k", host: "www.example.com" });
  const remembered = (bodies: readonly string[]) => {
    const store = new VersionStore({ clock: new FakeClock() });
    for (const text of bodies) {
      const body = Buffer.from(text);
      const scope = { kind: "public", retention: "keep" } as const;
      store.remember(partition, { url: "/", templates: [], body, fingerprint: fingerprintOf(body), scope });
    }
    return store;
  };
  const short = (text: string) => shortOf(fingerprintOf(Buffer.from(text)));
  const arrivedWith = (store: VersionStore, offers: readonly string[], of = partition): Nominated => ({
    offers,
    versions: store.nominated(of, offers),
  });
  /** Of a request that has just arrived. */
  const usableNow = (store: VersionStore, of: typeof partition, offers: readonly string[]) =>
    usableBases(store, of, offers, arrivedWith(store, offers, of));
  const told = (usable: readonly UsableBase[]) =>
    usable.map(({ offer, version }) => [offer, version.body.toString()]);

  it("are usable where this side holds them, in their order and with their numbers", () => {
    const usable = usableNow(remembered(["a", "b"]), partition, [short("b"), short("x"), short("a")]);
    expect(told(usable)).toEqual([
      [0, "b"],
      [2, "a"],
    ]);
    expect(offersMask(usable)).toBe(0b101);
  });

  it("that give way after the request has arrived are usable still, beside what was read back meanwhile", () => {
    const store = remembered(["a", "b"]);
    const offers = [short("a"), short("c"), short("b")];
    const arrived = arrivedWith(store, offers);
    store.forget({ partition });
    const body = Buffer.from("c");
    const scope = { kind: "public", retention: "keep" } as const;
    store.remember(partition, { url: "/", templates: [], body, fingerprint: fingerprintOf(body), scope });
    expect(told(usableBases(store, partition, offers, arrived))).toEqual([
      [0, "a"],
      [1, "c"],
      [2, "b"],
    ]);
  });

  it("that follow their request take the place of those in it", () => {
    const store = remembered(["a", "b"]);
    const arrived = arrivedWith(store, [short("a")]);
    expect(told(usableBases(store, partition, [short("x")], arrived))).toEqual([]);
    expect(told(usableBases(store, partition, [short("b")], arrived))).toEqual([[0, "b"]]);
  });

  it("of another tenant are not usable", () => {
    const other = partitionOf({ keyId: "k2", host: "www.example.com" });
    expect(usableNow(remembered(["a"]), other, [short("a")])).toEqual([]);
  });

  it("whose short form means two versions are not usable", () => {
    const store = remembered([]);
    const alike = "12345678";
    for (const rest of ["x", "y"])
      store.remember(partition, {
        url: "/",
        templates: [],
        body: Buffer.from(rest),
        fingerprint: alike.padEnd(32, rest) as Fingerprint,
        scope: { kind: "public", retention: "keep" },
      });
    expect(store.count).toBe(2);
    expect(usableNow(store, partition, [alike])).toEqual([]);
  });

  it("make a same only where all 32 bytes are alike", () => {
    const [base] = usableNow(remembered(["a"]), partition, [short("a")]);
    if (base === undefined) throw new Error("not usable");
    expect(sameAs([base], fingerprintOf(Buffer.from("a")))).toBe(base);
    expect(sameAs([base], base.version.short.padEnd(32, "z") as Fingerprint)).toBeUndefined();
  });

  it("up to eight have a mask each", () => {
    const bases = Array.from({ length: 8 }, (_, offer) => ({ offer }) as UsableBase);
    expect(offersMask(bases)).toBe(0xff);
    expect(offersMask([])).toBe(0);
  });
});

describe("bases that fit", () => {
  const base = (offer: number, bytes: number, fill = "x"): UsableBase => ({
    offer,
    version: {
      body: Buffer.alloc(bytes, fill),
      fingerprint: "" as Fingerprint,
      short: shortOf("" as Fingerprint),
      stores: [],
    },
  });
  const roomFor = (most: number): Codec => ({
    ...zstdCodec,
    fits: (basesBytes, pageBytes) => basesBytes + pageBytes <= most,
  });
  const offersOf = (bases: readonly UsableBase[]) => bases.map(({ offer }) => offer);
  const three = [base(0, 10), base(1, 20), base(3, 30)];

  it.each([
    [100, [0, 1, 3]],
    [99, [1, 3]],
    [90, [1, 3]],
    [89, [3]],
    [70, [3]],
    [69, []],
    [0, []],
  ])("with a page of 40 bytes into %i: the best ones, so the first fall out first", (most, offers) => {
    expect(offersOf(fittingBases(roomFor(most), three, 40))).toEqual(offers);
  });

  it("leave out what the codec does not accept", () => {
    const magic: UsableBase = {
      ...base(1, 0),
      version: { ...base(1, 0).version, body: Buffer.from("37a430ec00", "hex") },
    };
    expect(offersOf(fittingBases(zstdCodec, [base(0, 5), magic, base(2, 0), base(3, 5)], 10))).toEqual([
      0, 3,
    ]);
  });
});

it.each([
  ["nothing was offered: the edge says why", { offers: [] }, 0, 0, undefined],
  ["this side holds none of the offers", { offers: ["a"] }, 0, 0, "not-held"],
  ["those that it holds are too large", { offers: ["a"] }, 1, 0, "too-large"],
  ["they fit, and there was no room to code with them", { offers: ["a"] }, 1, 1, "budget"],
] as const)(
  "a whole answer is recorded with why it builds on nothing: %s",
  (_, open, held, fitting, reason) => {
    const base = { offer: 0, version: {} } as unknown as UsableBase;
    const bases = (count: number) => Array<UsableBase>(count).fill(base);
    expect(whyUnused(open, bases(held), bases(fitting), "budget")).toBe(reason);
  },
);
