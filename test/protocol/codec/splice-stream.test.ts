/** Splices of whole units that stream: every segment decodes at once, and sizes tell of whole units alone, wherever the page was cut. */
import { describe, expect, it, vi } from "vitest";
import { DeltaError, type StreamDecoder } from "../../../protocol/codec/codec.ts";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import { zstdStreamEncoder } from "../../../protocol/codec/zstd-stream.ts";
import { ByteWriter } from "../../../protocol/wire/bytes.ts";
import { seeded } from "../../kit/random.ts";
import { laterPage, madePage } from "./made-pages.ts";

const { encoder, decoder } = spliceCodec.streaming;

/** One coded piece for each segment, and what the end adds. */
const coded = async (bases: readonly Buffer[], segments: readonly Buffer[]): Promise<Buffer[]> => {
  const stream = encoder(bases);
  const out: Buffer[] = [];
  for (const segment of segments.slice(0, -1))
    out.push(Buffer.concat([await stream.write(segment), await stream.flush()]));
  out.push(Buffer.concat([await stream.write(segments.at(-1) ?? Buffer.alloc(0)), await stream.end()]));
  return out;
};

const bytesOf = async (...made: Parameters<typeof coded>): Promise<number> =>
  Buffer.concat(await coded(...made)).length;

const cutAt = (page: Buffer, ...places: readonly number[]): Buffer[] =>
  [0, ...places].map((from, at) => page.subarray(from, places[at] ?? page.length));

const decodedFrom = async (stream: StreamDecoder, pieces: readonly Buffer[]): Promise<Buffer> => {
  const out: Buffer[] = [];
  for (const piece of pieces) out.push(await stream.write(piece));
  return Buffer.concat([...out, await stream.end()]);
};

describe("a page that streams in units", () => {
  it.each([
    ["text", (page: Buffer) => page],
    [
      "text in which letters take several bytes",
      (page: Buffer) => Buffer.from(`${page}`.replaceAll("e", "€")),
    ],
    ["no text from somewhere on", (page: Buffer) => page.fill(1, page.length >> 1, (page.length >> 1) + 9)],
  ])("is there segment by segment, cut anywhere: %s", async (_, made) => {
    const random = seeded();
    const older = madePage(random, 90);
    const base = laterPage(random, older);
    const page = made(laterPage(random, base));
    for (const bases of [[], [base], [older, base], [random.bytes(99), base], [Buffer.alloc(0), base]]) {
      const [from, to] = [encoder(bases), decoder(bases, { pageBytes: page.length })];
      for (let at = 0; at < page.length; ) {
        const piece = page.subarray(at, at + random.int(1, random.chance(0.3) ? 3 : 4_000));
        at += piece.length;
        const early = await to.write(await from.write(piece));
        const rest = await to.write(await from.flush());
        expect(Buffer.concat([early, rest]).equals(piece)).toBe(true);
      }
      expect((await to.write(await from.end())).length + (await to.end()).length).toBe(0);
    }
  });

  it("costs what is new and some bytes for each segment", async () => {
    const random = seeded();
    const base = madePage(random, 400);
    const cuts = [1_000, 20_000, 20_001, 50_000];
    expect(await bytesOf([base], cutAt(base, ...cuts))).toBeLessThan(400);
    const lines = `${base}`.split("\n").slice(0, 90);
    const ends = cutAt(base, `${lines.slice(0, 30).join("\n")}\n`.length, `${lines.join("\n")}\n`.length);
    expect(await bytesOf([base], ends), "cut between units").toBeLessThan(50);
    expect(await bytesOf([madePage(random, 3), base], ends), "in the second base").toBeLessThan(50);
  });

  it("keeps nothing that it is given", async () => {
    const page = madePage(seeded(), 3);
    const stream = encoder([]);
    const piece = Buffer.from(page);
    await stream.write(piece);
    piece.fill(0);
    const whole = [await stream.end()];
    expect((await decodedFrom(decoder([], { pageBytes: page.length }), whole)).equals(page)).toBe(true);
  });
});

describe("sizes of segments tell of no part of a unit", () => {
  const base = (digit: number) =>
    Buffer.from(`<p>some text of the page</p><input value="much of a value 39${digit}00">`);
  const sizes = async (page: string, ...cuts: readonly number[]): Promise<Set<string>> => {
    const segments = cutAt(Buffer.from(page), ...cuts);
    const all = Array.from({ length: 10 }, async (_, digit) =>
      (await coded([base(digit)], segments)).map(({ length }) => length).join(),
    );
    return new Set(await Promise.all(all));
  };
  const GUESS = '<p>some text of the page</p><b title="much of a value 39400">';

  it.each([
    ["nowhere", []],
    ["where the unit begins", [GUESS.indexOf("much of a value 39")]],
    ["within the guess", [GUESS.indexOf("400")]],
    ["at its last digit", [GUESS.indexOf('0"')]],
  ])("the page is cut %s", async (_, cuts) => {
    expect((await sizes(GUESS.replace("400", "40"), ...cuts)).size).toBe(1);
  });

  it("the page is cut before what a whole unit is behind other text", async () => {
    const page = GUESS.replace('"much of a value 39', '"of another much of a value 39');
    expect((await sizes(page, page.indexOf("much of a value 39"))).size).toBe(1);
    const at = page.indexOf("much of a value 39");
    expect((await sizes(page, at, at + 2)).size).toBe(1);
  });

  it("the page is cut twice within a unit, and its rest is what a base has as a whole one", async () => {
    const page = GUESS.replace('"much of a value 39', '"of another much of a value 39');
    const at = page.indexOf("much of a value 39");
    expect((await sizes(page, at - 4, at)).size).toBe(1);
    expect((await sizes(page, at - 8, at - 6, at - 3, at)).size).toBe(1);
  });

  it("but of a whole one", async () => {
    expect((await sizes(GUESS, GUESS.indexOf("<b"))).size).toBe(2);
  });

  it("the page is in another character set from somewhere on", async () => {
    const page = GUESS.replace("<b ", "\x1b$B<b ");
    expect((await sizes(page, page.indexOf("much of a value 39") - 1)).size).toBe(1);
  });

  it.each([
    ["before the cut", 1],
    ["behind it", -1],
  ])("the page changes its character set within a unit that is cut, %s", async (_, moved) => {
    const page = GUESS.replace("<b ", "some \x1b$B words<b ");
    const cut = page.indexOf("\x1b") + moved;
    expect((await sizes(page, cut, page.indexOf("<b ") - 2)).size).toBe(1);
  });
});

describe("a stream of splices is refused", () => {
  const BASE = Buffer.from("<p>abc</p>");
  const framed = async (...lists: readonly number[][]): Promise<Buffer> => {
    const stream = zstdStreamEncoder([]);
    return Buffer.concat([await stream.write(Buffer.from(lists.flat())), await stream.end()]);
  };
  const decoded = (delta: Buffer, pageBytes = 100) =>
    decodedFrom(decoder([BASE], { pageBytes }), cutAt(delta, 3, 5));

  it("not as the specification has it", async () => {
    const lists = [
      [5, 1, 3, 1, 0, 0x2b],
      [6, 1, 6, 2, 0, 0x2b, 0x2b],
    ];
    expect(`${await decoded(await framed(...lists))}`).toBe("<p>+bc</p>++");
  });

  it.each([
    ["with a run outside of the bases", [[4, 1, 11, 0, 0]]],
    [
      "with a run that the list before it puts outside",
      [
        [4, 1, 9, 0, 0],
        [4, 1, 2, 0, 0],
      ],
    ],
    ["with a list that is too long", [[0xff, 0xff, 0xff, 0x01, 1]]],
    ["with a length that has no end", [[0xff, 0xff, 0xff, 0xff, 0x01]]],
    ["that ends within a list", [[4, 1, 3, 0]]],
    ["that ends within a length", [[0x80]]],
    ["with nothing in a list", [[0]]],
    ["with a length that is longer than its number", [[0x84, 0x00, 1, 3, 0, 0]]],
    ["with a list of no steps", [[2, 0, 0x2b]]],
    ["with a list that makes nothing", [[1, 0]]],
    ["with a step that makes nothing", [[4, 1, 0, 0, 0]]],
    [
      "with many lists in one piece",
      Array.from({ length: 40 }, (_, at) => [5, 1, 0, 1, Math.min(at, 1), 0x2b]),
    ],
  ])("%s", async (_, lists) => {
    await expect(decoded(await framed(...lists))).rejects.toThrow(DeltaError);
  });

  it("above its limit over all lists, and taken at exactly it", async () => {
    const delta = await framed([4, 1, 10, 0, 0], [4, 1, 10, 0, 19]);
    expect((await decoded(delta, 20)).length).toBe(20);
    await expect(decoded(delta, 19)).rejects.toThrow(DeltaError);
  });
});

it("a list of steps that comes byte by byte is copied a few times in all, and not all of it with each", async () => {
  const text = Buffer.alloc(6_000, "0123456");
  const steps = new ByteWriter().varint(1).varint(0).varint(text.length).varint(0).bytes(text).take();
  const list = new ByteWriter().varint(steps.length).bytes(steps).take();
  const [from, to] = [zstdStreamEncoder([]), decoder([], { pageBytes: text.length })];
  let copied = 0;
  const { concat } = Buffer;
  const spied = vi.spyOn(Buffer, "concat").mockImplementation((pieces, bytes) => {
    const joined = concat(pieces, bytes);
    copied += joined.length;
    return joined;
  });
  const made: Buffer[] = [];
  for (let at = 0; at < list.length; at++)
    for (const piece of [await from.write(list.subarray(at, at + 1)), await from.flush()])
      made.push(await to.write(piece));
  for (const piece of [await from.end()]) made.push(await to.write(piece), await to.end());
  spied.mockRestore();
  expect(Buffer.concat(made).equals(text)).toBe(true);
  expect(copied).toBeLessThan(20 * text.length);
});
