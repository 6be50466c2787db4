/** What every codec promises, run over the list of codecs. What only one of them does is in its own file. */
import { describe, expect, it } from "vitest";
import { type Codec, DeltaError } from "../../../protocol/codec/codec.ts";
import {
  CODEC_NAMES,
  codecById,
  codecIds,
  codecNamed,
  STREAMING_CODEC,
} from "../../../protocol/codec/codecs.ts";
import { type Random, seeded } from "../../kit/random.ts";
import { madePage, madeVersions } from "./made-pages.ts";

const MASKS = [0x01, 0x02, 0x10, 0x55, 0x80, 0xff] as const;
const LIMIT = { pageBytes: 1 << 20 } as const;

/** The page, or undefined where the delta was refused; anything but a DeltaError fails the test. */
async function decodedOrRefused(
  codec: Codec,
  bases: readonly Uint8Array[],
  delta: Uint8Array,
  pageBytes: number,
) {
  try {
    return await codec.decode(bases, delta, { pageBytes });
  } catch (error) {
    expect(error).toBeInstanceOf(DeltaError);
    return undefined;
  }
}

describe("the list of codecs", () => {
  it("has the numbers that are on the wire", () => {
    expect(CODEC_NAMES.map((name) => [name, codecNamed(name).id])).toEqual([
      ["splice", 3],
      ["zstd", 1],
      ["vcdiff", 2],
    ]);
  });

  it("names numbers in the order asked for", () => {
    expect(codecIds(["vcdiff", "zstd"])).toEqual([2, 1]);
    expect(codecIds([])).toEqual([]);
  });

  it("finds each by number and by name, and knows no others", () => {
    for (const name of CODEC_NAMES) expect(codecById(codecNamed(name).id)).toBe(codecNamed(name));
    for (const name of CODEC_NAMES) expect(codecNamed(name).name).toBe(name);
    // 4 was brotli.
    for (const id of [-1, 0, 4, 8, 255]) expect(codecById(id), `id ${id}`).toBeUndefined();
  });

  it("streams with a codec that every side speaks", () => {
    expect(STREAMING_CODEC).toBe(codecNamed("zstd"));
  });
});

describe.each(CODEC_NAMES.map((name) => ({ name, codec: codecNamed(name) })))("$name", ({ codec }) => {
  const cases: { name: string; of: (random: Random) => { bases: Buffer[]; page: Buffer } }[] = [
    ...[1, 2, 3, 4].map((count) => ({
      name: `${count} bases`,
      of: (random: Random) => {
        const versions = madeVersions(random, { rows: random.int(1, 60), count: count + 1 });
        return { bases: versions.slice(0, count), page: versions.at(-1) ?? Buffer.alloc(0) };
      },
    })),
    { name: "no bases", of: (random) => ({ bases: [], page: madePage(random, 20) }) },
    { name: "an empty page", of: (random) => ({ bases: [madePage(random, 3)], page: Buffer.alloc(0) }) },
    { name: "an empty page without bases", of: () => ({ bases: [], page: Buffer.alloc(0) }) },
    {
      name: "a page of one byte",
      of: (random) => ({ bases: [madePage(random, 3)], page: Buffer.from("x") }),
    },
    {
      name: "bases of one byte",
      of: (random) => ({ bases: [Buffer.from("x"), Buffer.from("y")], page: madePage(random, 3) }),
    },
    {
      name: "bytes that do not compress",
      of: (random) => ({ bases: [random.bytes(5000)], page: random.bytes(70_000) }),
    },
    {
      name: "a page of one repeated byte",
      of: () => ({ bases: [Buffer.from("a")], page: Buffer.alloc(300_000, "a") }),
    },
    {
      name: "a page that is its base",
      of: (random) => {
        const page = madePage(random, 40);
        return { bases: [page], page };
      },
    },
  ];

  it.each(cases)("brings back $name", async ({ of }) => {
    const random = seeded();
    for (let round = 0; round < 5; round++) {
      const { bases, page } = of(random);
      const delta = await codec.encode(bases, page);
      const decoded = await codec.decode(bases, delta, { pageBytes: page.length });
      expect(decoded.equals(page)).toBe(true);
      expect(decoded.buffer.byteLength, "backing buffer of the page").toBe(page.length);
    }
  });

  it("makes small deltas, smaller with the better bases", async () => {
    const versions = madeVersions(seeded(), { rows: 300, count: 3 });
    const [older, newest, page] = versions as [Buffer, Buffer, Buffer];
    const alone = await codec.encode([], page);
    const delta = await codec.encode([older, newest], page);
    const same = await codec.encode([older, page], page);
    expect(alone.length).toBeLessThan(page.length / 2);
    // A splice looks no further than a few kilobytes, in one base.
    expect(delta.length).toBeLessThan(page.length / (codec.name === "splice" ? 50 : 80));
    expect(same.length).toBeLessThan(40);
  });

  it("changes nothing it is given", async () => {
    const [base, page] = madeVersions(seeded(), { rows: 20, count: 2 }) as [Buffer, Buffer];
    const [baseBefore, pageBefore] = [Buffer.from(base), Buffer.from(page)];
    const delta = await codec.encode([base], page);
    const deltaBefore = Buffer.from(delta);
    await codec.decode([base], delta, LIMIT);
    expect([base, page, delta]).toEqual([baseBefore, pageBefore, deltaBefore]);
  });

  it("keeps nothing it is given: changing it afterwards changes no result", async () => {
    const [base, page] = madeVersions(seeded(), { rows: 20, count: 2 }) as [Buffer, Buffer];
    const [baseBefore, pageBefore] = [Buffer.from(base), Buffer.from(page)];
    const delta = await codec.encode([base], page);
    page.fill(0);
    const decoded = await codec.decode([base], delta, LIMIT);
    base.fill(0);
    delta.fill(0);
    expect(decoded.equals(pageBefore)).toBe(true);
    expect(await codec.decode([baseBefore], await codec.encode([baseBefore], pageBefore), LIMIT)).toEqual(
      decoded,
    );
  });

  it("takes a page of exactly the limit and refuses one byte more", async () => {
    const random = seeded();
    const base = madePage(random, 10);
    for (const pageBytes of [1, 2, 1000, 65_536, 131_072, 131_073, 300_000]) {
      for (const page of [random.bytes(pageBytes), Buffer.alloc(pageBytes, "z")]) {
        const delta = await codec.encode([base], page);
        expect((await codec.decode([base], delta, { pageBytes })).equals(page), `${pageBytes}`).toBe(true);
        await expect(codec.decode([base], delta, { pageBytes: pageBytes - 1 })).rejects.toThrow(DeltaError);
      }
    }
  });

  it("takes only an empty page where the limit is nothing", async () => {
    const empty = await codec.encode([], Buffer.alloc(0));
    expect((await codec.decode([], empty, { pageBytes: 0 })).length).toBe(0);
  });

  it("refuses a delta cut at any length", async () => {
    const [base, page] = madeVersions(seeded(), { rows: 30, count: 2 }) as [Buffer, Buffer];
    const delta = await codec.encode([base], page);
    for (let length = 0; length < delta.length; length++) {
      const refused = codec.decode([base], delta.subarray(0, length), LIMIT);
      await expect(refused, `cut at ${length} of ${delta.length}`).rejects.toThrow(DeltaError);
    }
  });

  it("refuses bytes left over, whatever they are", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 30, count: 2 }) as [Buffer, Buffer];
    const delta = await codec.encode([base], page);
    for (const left of [Buffer.of(0), random.bytes(1), random.bytes(9), random.bytes(500), delta]) {
      const longer = Buffer.concat([delta, left]);
      await expect(codec.decode([base], longer, LIMIT), left.toString("hex", 0, 9)).rejects.toThrow(
        DeltaError,
      );
    }
  });

  it("stays within its limit and its promise whatever byte is damaged", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 12, count: 2 }) as [Buffer, Buffer];
    const delta = await codec.encode([base], page);
    for (let at = 0; at < delta.length; at++) {
      for (const mask of MASKS) {
        const damaged = Buffer.from(delta);
        damaged[at] = (damaged[at] ?? 0) ^ mask;
        const decoded = await decodedOrRefused(codec, [base], damaged, page.length);
        expect(decoded?.length ?? 0, `byte ${at} ^ ${mask}`).toBeLessThanOrEqual(page.length);
      }
    }
    expect((await codec.decode([base], delta, LIMIT)).equals(page), "still works afterwards").toBe(true);
  });

  it("refuses or survives bytes that never were a delta", async () => {
    const random = seeded();
    const base = madePage(random, 5);
    for (let round = 0; round < 500; round++) {
      const junk = random.bytes(random.int(0, 80));
      if (random.chance(0.5) && junk.length > 0) junk[0] = random.int(0, 1);
      const decoded = await decodedOrRefused(codec, [base], junk, 4096);
      expect(decoded?.length ?? 0).toBeLessThanOrEqual(4096);
    }
  });

  it("never gives the page when a base is another", async () => {
    const [base, page] = madeVersions(seeded(), { rows: 30, count: 2 }) as [Buffer, Buffer];
    const delta = await codec.encode([base], page);
    const other = Buffer.from(base).reverse();
    expect((await decodedOrRefused(codec, [other], delta, page.length))?.equals(page)).not.toBe(true);
    expect((await decodedOrRefused(codec, [], delta, page.length))?.equals(page)).not.toBe(true);
  });

  it("accepts no empty base", () => {
    expect(codec.accepts(Buffer.alloc(0))).toBe(false);
    expect(codec.accepts(Buffer.from("x"))).toBe(true);
  });

  it("does several at once", async () => {
    const versions = madeVersions(seeded(), { rows: 900, count: 12 });
    const pages = await Promise.all(
      versions.slice(1).map(async (page, at) => {
        const bases = versions.slice(at, at + 1);
        return (await codec.decode(bases, await codec.encode(bases, page), LIMIT)).equals(page);
      }),
    );
    expect(pages).toEqual(versions.slice(1).map(() => true));
  });
});
