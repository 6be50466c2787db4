import { zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DeltaError, type StreamDecoder } from "../../../protocol/codec/codec.ts";
import { STREAM_DICTIONARY_BYTES } from "../../../protocol/codec/dictionary.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { STREAM_WINDOW_LOG } from "../../../protocol/codec/zstd-params.ts";
import { type Random, seeded } from "../../kit/random.ts";
import { laterPage, madePage, madeVersions } from "./made-pages.ts";

const { encoder, decoder } = zstdCodec.streaming;
const MIB = 1 << 20;

const piecesOf = (random: Random, page: Buffer, most: number): Buffer[] => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < page.length; ) {
    const piece = page.subarray(at, at + random.int(1, most));
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
};

/** The whole page coded, flushed after every piece. */
async function coded(bases: readonly Buffer[], pieces: readonly Buffer[], flushed = true): Promise<Buffer> {
  const stream = encoder(bases);
  const out: Buffer[] = [];
  for (const piece of pieces) {
    out.push(await stream.write(piece));
    if (flushed) out.push(await stream.flush());
  }
  out.push(await stream.end());
  return Buffer.concat(out);
}

async function decodedFrom(stream: StreamDecoder, pieces: readonly Buffer[]): Promise<Buffer> {
  const out: Buffer[] = [];
  for (const piece of pieces) out.push(await stream.write(piece));
  out.push(await stream.end());
  return Buffer.concat(out);
}

describe("a zstd stream", () => {
  it("gives after each flush exactly what was written before it", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 400, count: 2 }) as [Buffer, Buffer];
    const [from, to] = [encoder([base]), decoder([base], { pageBytes: page.length })];
    for (const piece of piecesOf(random, page, 20_000)) {
      const early = await to.write(await from.write(piece));
      const rest = await to.write(await from.flush());
      expect(Buffer.concat([early, rest]).equals(piece)).toBe(true);
    }
    expect((await to.write(await from.end())).length).toBe(0);
    expect((await to.end()).length).toBe(0);
  });

  it("decodes cut anywhere, byte by byte", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 40, count: 2 }) as [Buffer, Buffer];
    const delta = await coded([base], piecesOf(random, page, 3_000));
    const bytes = Array.from(delta, (byte) => Buffer.of(byte));
    expect((await decodedFrom(decoder([base], { pageBytes: page.length }), bytes)).equals(page)).toBe(true);
  });

  it("decodes as one piece, and by the codec that decodes in one piece", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 100, count: 2 }) as [Buffer, Buffer];
    const limits = { pageBytes: STREAM_DICTIONARY_BYTES };
    const delta = await coded([base], piecesOf(random, page, 9_000));
    expect((await decodedFrom(decoder([base], limits), [delta])).equals(page)).toBe(true);
    expect((await zstdCodec.decode([base], delta, limits)).equals(page)).toBe(true);
  });

  it("is small in spite of flushes", async () => {
    const random = seeded();
    const versions = madeVersions(random, { rows: 400, count: 4 });
    const page = laterPage(random, versions.at(-1) ?? Buffer.alloc(0));
    const pieces = [0, 1, 2, 3].map((quarter) =>
      page.subarray((page.length * quarter) / 4, (page.length * (quarter + 1)) / 4),
    );
    const delta = await coded(versions, pieces);
    expect(delta.length).toBeLessThan(page.length / 100);
    expect((await coded([], pieces)).length, "without bases").toBeLessThan(page.length / 2);
    expect((await decodedFrom(decoder(versions, { pageBytes: page.length }), [delta])).equals(page)).toBe(
      true,
    );
  });

  it("still uses its bases when they are more than fit, and when the best alone is", async () => {
    const random = seeded();
    const large = madePage(random, 7_000);
    expect(large.length).toBeGreaterThan(STREAM_DICTIONARY_BYTES);
    const page = laterPage(random, large).subarray(0, 700_000);
    const pieces = piecesOf(random, page, 65_536);
    const alone = await coded([], pieces);
    for (const bases of [[large], [madePage(random, 1_000), large], [large, large.subarray(0, 800_000)]]) {
      const delta = await coded(bases, pieces);
      expect(delta.length).toBeLessThan(alone.length / 20);
      expect((await decodedFrom(decoder(bases, { pageBytes: page.length }), [delta])).equals(page)).toBe(
        true,
      );
    }
  });

  it("carries a page larger than its window", async () => {
    const random = seeded();
    const base = madePage(random, 500);
    const page = Buffer.concat([base, random.bytes(2 * MIB), base]);
    const delta = await coded([base], piecesOf(random, page, 300_000), false);
    const pieces = piecesOf(random, delta, 100_000);
    expect((await decodedFrom(decoder([base], { pageBytes: page.length }), pieces)).equals(page)).toBe(true);
  });

  it.each([
    { what: "nothing at all", pieces: [] },
    { what: "empty pieces", pieces: ["", "", ""] },
    { what: "empty pieces between others", pieces: ["a", "", "b", ""] },
  ])("carries $what", async ({ pieces }) => {
    const delta = await coded(
      [],
      pieces.map((piece) => Buffer.from(piece)),
    );
    const bytes = Array.from(delta, (byte) => Buffer.of(byte));
    const page = await decodedFrom(decoder([], { pageBytes: 10 }), [
      Buffer.alloc(0),
      ...bytes,
      Buffer.alloc(0),
    ]);
    expect(page.toString()).toBe(pieces.join(""));
  });

  it("has nothing to flush twice", async () => {
    const stream = encoder([]);
    await stream.write(Buffer.from("page"));
    expect((await stream.flush()).length).toBeGreaterThan(0);
    expect((await stream.flush()).length).toBe(0);
    stream.destroy();
  });

  it("keeps its order when calls are not awaited, and stays one frame", async () => {
    const random = seeded();
    const page = random.bytes(200_000);
    for (const pieces of [[page], piecesOf(random, page, 50_000)]) {
      const stream = encoder([]);
      const calls = [...pieces.flatMap((piece) => [stream.write(piece), stream.flush()]), stream.end()];
      const delta = Buffer.concat(await Promise.all(calls));
      const out = decoder([], { pageBytes: page.length });
      const decoded = await Promise.all([
        ...piecesOf(random, delta, 40_000).map((piece) => out.write(piece)),
        out.end(),
      ]);
      expect(Buffer.concat(decoded).equals(page)).toBe(true);
    }
  });

  it("stays one frame when its end exactly fills zlib's buffer", async () => {
    const bytes = seeded().bytes(65_536);
    // Coded, these take their own size and 4 to 18 bytes: 65,536 is somewhere among them.
    for (let length = 65_536 - 24; length <= 65_536; length++) {
      const page = bytes.subarray(0, length);
      const delta = await coded([], [page], false);
      expect((await decodedFrom(decoder([], { pageBytes: length }), [delta])).equals(page), `${length}`).toBe(
        true,
      );
    }
  });
});

describe("a zstd stream decoder refuses", () => {
  it("a stream cut at any length", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 10, count: 2 }) as [Buffer, Buffer];
    const delta = await coded([base], piecesOf(random, page, 1_000));
    for (let length = 0; length < delta.length; length++) {
      const cut = decodedFrom(decoder([base], { pageBytes: page.length }), [delta.subarray(0, length)]);
      await expect(cut, `cut at ${length} of ${delta.length}`).rejects.toThrow(DeltaError);
    }
  });

  it("bytes after the end, in the same piece or the next", async () => {
    const delta = await coded([], [Buffer.from("page")]);
    for (const more of [Buffer.of(0), delta, zstdCompressSync("second")]) {
      const limits = { pageBytes: 100 };
      await expect(decodedFrom(decoder([], limits), [Buffer.concat([delta, more])])).rejects.toThrow(
        DeltaError,
      );
      await expect(decodedFrom(decoder([], limits), [delta, more])).rejects.toThrow(DeltaError);
    }
  });

  it("one byte more than its limit, and takes exactly the limit", async () => {
    for (const page of [seeded().bytes(300_000), Buffer.alloc(300_000, "z")]) {
      const delta = await coded([], [page]);
      const exactly = decoder([], { pageBytes: page.length });
      expect((await decodedFrom(exactly, [delta])).equals(page)).toBe(true);
      const oneLess = decoder([], { pageBytes: page.length - 1 });
      await expect(decodedFrom(oneLess, [delta])).rejects.toThrow(DeltaError);
    }
  });

  it("what is above its limit at that moment: the limit may move", async () => {
    const page = Buffer.alloc(50_000, "page");
    const stream = encoder([]);
    const pieces = [];
    for (const half of [page.subarray(0, 25_000), page.subarray(25_000)]) {
      pieces.push(Buffer.concat([await stream.write(half), await stream.flush()]));
    }
    stream.destroy();
    const [first, second] = pieces as [Buffer, Buffer];
    for (const { grownTo, refused } of [
      { grownTo: 49_999, refused: true },
      { grownTo: 50_000, refused: false },
    ]) {
      const limits = { pageBytes: 25_000 };
      const growing = decoder([], limits);
      expect((await growing.write(first)).length).toBe(25_000);
      limits.pageBytes = grownTo;
      if (refused) await expect(growing.write(second)).rejects.toThrow(DeltaError);
      else expect((await growing.write(second)).length).toBe(25_000);
      growing.destroy();
    }
  });

  it("a bomb, within its limit", async () => {
    const run = Buffer.from([0x02, 0x00, 0x10, 0x61]); // a run of 128 KiB
    const bomb = Buffer.concat([Buffer.from([0x00, 0x50]), ...Array.from({ length: 8192 }, () => run)]); // 1 GiB
    const stream = decoder([], { pageBytes: MIB });
    await expect(stream.write(bomb)).rejects.toThrow(DeltaError);
    await expect(stream.write(run), "and stays refused").rejects.toThrow(DeltaError);
  });

  it.each([
    { claim: "a window above 1 MiB", bytes: [0x00, ((STREAM_WINDOW_LOG - 10) << 3) | 1, 0x01, 0x00, 0x00] },
    { claim: "a window of 4 GiB", bytes: [0x00, 22 << 3, 0x01, 0x00, 0x00] },
    { claim: "a page size", bytes: [0xc0, 0x50, 0, 0, 0, 0, 1, 0, 0, 0, 0x01, 0x00, 0x00] },
    { claim: "a magic number", bytes: [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50, 0x01, 0x00, 0x00] },
    { claim: "a skippable frame", bytes: [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0] },
  ])("$claim", async ({ bytes }) => {
    await expect(decodedFrom(decoder([], { pageBytes: 100 }), [Buffer.from(bytes)])).rejects.toThrow(
      DeltaError,
    );
  });

  it("or survives every damaged byte", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 6, count: 2 }) as [Buffer, Buffer];
    const delta = await coded([base], piecesOf(random, page, 600));
    for (let at = 0; at < delta.length; at++) {
      for (const mask of [0x01, 0x10, 0x80, 0xff]) {
        const damaged = Buffer.from(delta);
        damaged[at] = (damaged[at] ?? 0) ^ mask;
        const out = await decodedFrom(decoder([base], { pageBytes: page.length }), [damaged]).catch(
          (error) => {
            expect(error).toBeInstanceOf(DeltaError);
            return Buffer.alloc(0);
          },
        );
        expect(out.length, `byte ${at} ^ ${mask}`).toBeLessThanOrEqual(page.length);
      }
    }
  });
});

describe("a zstd stream given up", () => {
  it("rejects what is under way and what comes later", async () => {
    const page = seeded().bytes(500_000);
    for (const stream of [encoder([]), decoder([], { pageBytes: 10 })]) {
      const underWay = stream.write(Buffer.of(0));
      stream.destroy();
      stream.destroy();
      await expect(underWay).rejects.toThrow(DeltaError);
      await expect(stream.write(page)).rejects.toThrow(DeltaError);
      await expect(stream.end()).rejects.toThrow(DeltaError);
    }
  });

  it("takes no calls after its end", async () => {
    const stream = encoder([]);
    await stream.end();
    await expect(stream.write(Buffer.from("late"))).rejects.toThrow(DeltaError);
    await expect(stream.flush()).rejects.toThrow(DeltaError);
    await expect(stream.end()).rejects.toThrow(DeltaError);
    stream.destroy();
  });

  it("frees its memory, ended or not", async () => {
    const random = seeded();
    const base = random.bytes(500_000);
    const page = random.bytes(50_000);
    const held: { destroy(): void }[] = []; // what is referenced is not freed by the garbage collector's grace
    const use = async (rounds: number, how: "ended" | "destroyed") => {
      for (let round = 0; round < rounds; round++) {
        const [from, to] = [encoder([base]), decoder([base], { pageBytes: page.length })];
        held.push(from, to);
        await to.write(await from.write(page));
        await to.write(await from.flush());
        if (how === "ended") await to.write(await from.end());
        if (how === "ended") await to.end();
        else for (const stream of [from, to]) stream.destroy();
      }
    };
    await use(20, "destroyed");
    const before = process.memoryUsage.rss();
    await use(100, "destroyed");
    await use(100, "ended");
    // Kept, 200 pairs of contexts would take about 4 MB each.
    expect(process.memoryUsage.rss() - before).toBeLessThan(300 * MIB);
  });
});
