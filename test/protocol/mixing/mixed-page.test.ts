import { describe, expect, it } from "vitest";
import { spliceWithin } from "../../../protocol/codec/splice.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { AT_ONCE_BYTES } from "../../../protocol/mixing/long-pages.ts";
import {
  MIXED_STEPS,
  MIXED_TEXT_BYTES,
  mixedPage,
  unmixedPage,
} from "../../../protocol/mixing/mixed-page.ts";
import { Mixer } from "../../../protocol/mixing/mixer.ts";
import { seeded } from "../../kit/random.ts";
import { laterPage, madePage, madeVersions } from "../codec/made-pages.ts";

const BOUNDS = { steps: MIXED_STEPS, addedBytes: AT_ONCE_BYTES };
const LIMIT = { pageBytes: MIXED_TEXT_BYTES };

/** And the bases that it was coded on. */
const mixedOn = (bases: readonly Buffer[], page: Buffer) => {
  const made = mixedPage(bases, page, BOUNDS);
  if (made === undefined) throw new Error("the page is beyond the bounds");
  return { coded: made.coded, on: bases.slice(bases.length - made.bases) };
};

const mixed = (bases: readonly Buffer[], page: Buffer): Buffer => mixedOn(bases, page).coded;

const unmixed = (
  bases: readonly Buffer[],
  coded: Buffer,
  limit: { readonly pageBytes: number },
): Buffer | undefined => {
  // What was written stands where it is read: nobody may look at it.
  Mixer.get().textOf(MIXED_TEXT_BYTES).fill(0x5a);
  const page = unmixedPage(bases, coded, limit);
  if (page instanceof Promise) throw new Error("it takes turns");
  return page;
};

describe("a mixed page", () => {
  it.each([0, 1, 2, 3, 4, 8])("comes back from %i bases, in a buffer of its own", (count) => {
    const random = seeded();
    for (let round = 0; round < 10; round++) {
      const versions = madeVersions(random, { rows: random.int(1, 60), count: count + 1 });
      const page = laterPage(random, versions[count] ?? Buffer.alloc(0), random.int(0, 12));
      const bases = versions.slice(0, count);
      const { coded, on } = mixedOn(bases, page);
      const got = unmixed(on, coded, { pageBytes: page.length });
      expect(got?.equals(page)).toBe(true);
      expect(got?.buffer.byteLength).toBe(page.length);
    }
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["one byte", Buffer.from("x")],
    ["zeros", Buffer.alloc(3_000)],
    ["all bytes", Buffer.from(Array.from({ length: 2_560 }, (_, at) => at & 255))],
  ])("of %s comes back, with bases and without", (_, page) => {
    for (const bases of [[], [Buffer.from("y")], [page], [Buffer.alloc(40, 255), page]]) {
      const { coded, on } = mixedOn(bases, page);
      expect(unmixed(on, coded, LIMIT)?.equals(page)).toBe(true);
    }
  });

  it("of chance comes back, in hardly more bytes", () => {
    const page = seeded().bytes(4_000);
    const coded = mixed([], page);
    expect(unmixed([], coded, LIMIT)?.equals(page)).toBe(true);
    expect(coded.length).toBeLessThan(page.length * 1.04);
  });

  it("is the same again whatever was mixed before", () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 60, count: 2 }) as [Buffer, Buffer];
    const first = mixed([base], page);
    mixed([], random.bytes(9_000));
    expect(unmixed([base], random.bytes(50), LIMIT)?.equals(page) ?? false).toBe(false);
    expect(mixed([base], page).equals(first)).toBe(true);
  });

  it("finds runs anywhere in any base, not only where the best one goes on", () => {
    const random = seeded();
    let bytes = 0;
    for (let round = 0; round < 8; round++) {
      const bases = Array.from({ length: 4 }, () => madePage(random, 60));
      const page = Buffer.concat(bases.map((base) => base.subarray(1_001, 5_003)).reverse());
      bytes += mixed(bases, page).length;
    }
    expect(bytes).toBeLessThan(8 * 40);
  });

  it("learns nothing from what follows the bases, which is the page, where they end alike", () => {
    const random = seeded();
    for (let round = 0; round < 20; round++) {
      const [row, own] = [random.bytes(40), random.bytes(60)];
      const base = Buffer.concat([row, random.bytes(100), row]);
      const page = Buffer.concat([base.subarray(40, 140), own, row, random.bytes(20)]);
      expect(unmixed([base], mixed([base], page), LIMIT)?.equals(page)).toBe(true);
    }
  });

  it.each([
    [4096, 1],
    [4097, 2],
  ])("that has %i bytes of its own beside the best base is coded on so many: %i", (own, bases) => {
    const random = seeded();
    const [other, best] = [random.bytes(9_000), random.bytes(9_000)];
    const page = Buffer.concat([best.subarray(1_000, 2_000), other.subarray(2_000, 2_000 + own)]);
    const made = mixedOn([other, best], page);
    expect(made.on.length).toBe(bases);
    expect(unmixed(made.on, made.coded, LIMIT)?.equals(page)).toBe(true);
  });

  it("takes fewer bytes than a splice or zstd, where little changed and where much did", async () => {
    const random = seeded();
    for (const changes of [1, 20]) {
      const base = madePage(random, 100);
      const page = laterPage(random, base, changes);
      const spliced = spliceWithin([base], page, { steps: 4_000, addedBytes: page.length });
      const least = Math.min(spliced?.length ?? page.length, (await zstdCodec.encode([base], page)).length);
      expect(mixed([base], page).length / least).toBeLessThan(0.92);
    }
  });

  it("learns from the bases what it adds: the same rows cost less where the base had such", () => {
    const random = seeded();
    const base = madePage(random, 60);
    const page = laterPage(random, base, 15);
    const lines = base.toString().split("\n");
    const gone = Buffer.from(lines.map((line) => line.replace(/^<li.*/, "<li>-</li>")).join("\n"));
    const rows = page
      .toString()
      .split("\n")
      .filter((line) => !lines.includes(line));
    const without = Buffer.from(gone.toString().replace("</ul>", `${rows.join("\n")}</ul>`));
    expect(mixed([base], page).length).toBeLessThan(mixed([gone], without).length * 0.9);
  });
});

describe("the bounds of a mixed page", () => {
  it("are so many bytes of its own", () => {
    const random = seeded();
    const base = madePage(random, 20);
    const own = random.bytes(3_000);
    const page = Buffer.concat([base, own]);
    expect(mixedPage([base], page, { ...BOUNDS, addedBytes: 3_000 })).toBeDefined();
    expect(mixedPage([base], page, { ...BOUNDS, addedBytes: 2_999 })).toBeUndefined();
  });

  it("are so many steps", () => {
    const random = seeded();
    const base = random.bytes(10_000);
    const pieces = Array.from({ length: 10 }, (_, at) => base.subarray(at * 1_000, at * 1_000 + 500));
    const page = Buffer.concat(pieces);
    expect(mixedPage([base], page, { ...BOUNDS, steps: 11 })).toBeDefined();
    expect(mixedPage([base], page, { ...BOUNDS, steps: 10 })).toBeUndefined();
  });

  it("are the most steps that anybody reads, the last of which is kept for what the page ends with", () => {
    const base = seeded().bytes(300_000);
    const pageOf = (runs: number) =>
      Buffer.concat(Array.from({ length: runs }, (_, at) => base.subarray(at * 144, at * 144 + 112)));
    const page = Buffer.concat([pageOf(MIXED_STEPS - 1), Buffer.from("<")]);
    expect(unmixed([base], mixed([base], page), LIMIT)?.equals(page)).toBe(true);
    expect(mixedPage([base], pageOf(MIXED_STEPS), BOUNDS)).toBeUndefined();
  });

  it("are so many bytes of bases and page together", () => {
    const base = seeded().bytes(1_000_000);
    const page = base.subarray(0, 500_000);
    const rest = MIXED_TEXT_BYTES - base.length - page.length;
    const more = Buffer.alloc(rest);
    const coded = mixed([more, base], page);
    expect(coded.length).toBeLessThan(16);
    expect(unmixed([base], coded, LIMIT)?.equals(page)).toBe(true);
    expect(unmixed([more, base], coded, LIMIT)?.equals(page)).toBe(true);
    expect(mixedPage([Buffer.alloc(rest + 1), base], page, BOUNDS)).toBeUndefined();
    expect(unmixed([Buffer.alloc(rest + 1), base], coded, LIMIT)).toBeUndefined();
  });

  it("are kept before any byte of the bases is taken in, though the page is empty", () => {
    const nothing = mixed([], Buffer.alloc(0));
    const most = Buffer.alloc(MIXED_TEXT_BYTES);
    expect(unmixed([most], nothing, LIMIT)?.length).toBe(0);
    expect(mixedPage([most], Buffer.alloc(0), BOUNDS)?.coded.equals(nothing)).toBe(true);
    expect(unmixed([most, Buffer.alloc(1)], nothing, LIMIT)).toBeUndefined();
  });

  it("are the limit of who reads it", () => {
    const [base, page] = madeVersions(seeded(), { rows: 30, count: 2 }) as [Buffer, Buffer];
    const coded = mixed([base], page);
    expect(unmixed([base], coded, { pageBytes: page.length })?.equals(page)).toBe(true);
    expect(unmixed([base], coded, { pageBytes: page.length - 1 })).toBeUndefined();
  });

  it("are no more than what is done at once, whatever is asked for", () => {
    const page = seeded().bytes(AT_ONCE_BYTES + 1);
    expect(mixedPage([], page, { ...BOUNDS, addedBytes: page.length })).toBeUndefined();
    const most = page.subarray(1);
    expect(unmixed([], mixed([], most), LIMIT)?.equals(most)).toBe(true);
  });
});

describe("a mixed page that is damaged", () => {
  // What follows the last byte that matters is as good as zeros.
  it("is refused, or is another page, whichever byte but the last it is", () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 30, count: 2 }) as [Buffer, Buffer];
    const coded = mixed([base], page);
    for (let at = 0; at < coded.length - 1; at++) {
      const damaged = Buffer.from(coded);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.int(0, 7));
      expect(unmixed([base], damaged, LIMIT)?.equals(page) ?? false).toBe(false);
    }
  });

  it("is refused with bytes behind its end", () => {
    const [base, page] = madeVersions(seeded(), { rows: 30, count: 2 }) as [Buffer, Buffer];
    const more = Buffer.concat([mixed([base], page), Buffer.alloc(8, 1)]);
    expect(unmixed([base], more, LIMIT)).toBeUndefined();
  });

  it("is refused, or is another page, where the bases are others", () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 30, count: 2 }) as [Buffer, Buffer];
    const coded = mixed([base], page);
    for (const bases of [[], [madePage(random, 30)], [base, base]])
      expect(unmixed(bases, coded, LIMIT)?.equals(page) ?? false).toBe(false);
  });

  it.each(["", "00", "ff", "ffffffffffffffffffff", "0102030405060708090a"])(
    "or was never one, is no page that is larger than it may be: %s",
    (hex) => {
      const got = unmixed([Buffer.alloc(1_000, 65)], Buffer.from(hex, "hex"), { pageBytes: 100 });
      expect(got?.length ?? 0).toBeLessThanOrEqual(100);
    },
  );
});
