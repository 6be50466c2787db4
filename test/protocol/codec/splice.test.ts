import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { SPLICE_PAGE_BYTES, spliceCodec, spliceWithin } from "../../../protocol/codec/splice.ts";
import { MOST_STEPS } from "../../../protocol/codec/splice-steps.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { seeded } from "../../kit/random.ts";
import { madePage } from "./made-pages.ts";

const { encode, decode, fits } = spliceCodec;
const LIMIT = { pageBytes: SPLICE_PAGE_BYTES } as const;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ""), "hex");

/** 62 bytes, no two parts alike. */
const BASE = Buffer.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

describe("a splice by hand", () => {
  // Stored | steps | how much each copies | adds | how far each begins from where it was expected | what is added.
  it.each([
    ["one run", "00 01 3e 00 00", BASE.toString()],
    [
      "a change of the same length",
      "00 02 1a 22 02 00 00 00 2b2b",
      "abcdefghijklmnopqrstuvwxyz++CDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    ],
    [
      "something put in",
      "00 02 1a 24 02 00 00 03 2b2b",
      "abcdefghijklmnopqrstuvwxyz++ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    ],
    ["something left out", "00 02 1a 0a 00 00 00 34", "abcdefghijklmnopqrstuvwxyz0123456789"],
    ["a run twice, from before", "00 02 03 03 00 00 00 05", "abcabc"],
    ["no run at all", "00 01 00 02 00 2b2b", "++"],
    ["nothing", "00 00", ""],
    ["one run, deflated", "01 63b463600000", BASE.toString()],
  ])("of %s", async (_, delta, page) => {
    expect((await decode([BASE], hex(delta), LIMIT)).toString()).toBe(page);
  });

  it("is what the encoder writes", async () => {
    const page = Buffer.from(`${BASE.toString("latin1", 0, 26)}++${BASE.toString("latin1", 28)}`);
    expect((await encode([BASE], page)).toString("hex")).toBe("00021a2202000000" + "2b2b");
  });

  it("counts from the first of several bases", async () => {
    const other = Buffer.from("0123456789".repeat(3));
    expect((await decode([other, BASE], hex("00 01 3e 00 3c"), LIMIT)).equals(BASE)).toBe(true);
    expect((await encode([other, BASE], BASE)).toString("hex")).toBe("00013e003c");
  });
});

describe("a damaged splice is refused:", () => {
  it.each([
    ["empty", ""],
    ["an unknown form", "02 00"],
    ["cut inside the steps", "00 02 1a 22"],
    ["a number longer than it is", "00 8100"],
    ["a run that ends behind the base", "00 01 3f 00 00"],
    ["a run that begins behind the base", "00 01 01 00 7c"],
    ["a run that begins before the base", "00 01 01 00 01"],
    ["fewer bytes than are added", "00 01 00 02 00 2b"],
    ["bytes left over", "00 01 00 01 00 2b2b"],
    ["more steps than it has bytes for", "00 05 01 01 01 01 01 01"],
    ["a page larger than any", "00 01 ffffffffffff7f 00 00"],
    ["what claims to be compressed, and is not", "01 00"],
    ["compressed, and cut", "01 63b4636000"],
    ["compressed, with bytes behind it", "01 63b463600000 00"],
  ])("%s", async (_, delta) => {
    await expect(decode([BASE], hex(delta), LIMIT)).rejects.toThrow(DeltaError);
  });

  it("one step more than the most", async () => {
    const steps = (count: number): Buffer => {
      const plain = Buffer.concat([
        Buffer.of((count & 0x7f) | 0x80, count >> 7),
        Buffer.alloc(count, 1), // each copies one byte
        Buffer.alloc(count), // adds none
        Buffer.alloc(count, 1).fill(0, 0, 1), // goes back to the same byte
      ]);
      return Buffer.concat([Buffer.of(0), plain]);
    };
    expect((await decode([BASE], steps(MOST_STEPS), LIMIT)).length).toBe(MOST_STEPS);
    await expect(decode([BASE], steps(MOST_STEPS + 1), LIMIT)).rejects.toThrow(/steps/);
  });

  it("a page larger than the limit, before there is memory for it", async () => {
    const delta = await encode([BASE], Buffer.concat([BASE, Buffer.from("!")]));
    expect((await decode([BASE], delta, { pageBytes: 63 })).length).toBe(63);
    await expect(decode([BASE], delta, { pageBytes: 62 })).rejects.toThrow(/larger than 62/);
  });

  it("any one byte changed never goes unnoticed as anything but another page or an error", async () => {
    const random = seeded();
    const base = madePage(random, 20);
    const page = Buffer.from(base.toString().replace("the", "THE"));
    const delta = await encode([base], page);
    for (let at = 0; at < delta.length; at++) {
      const damaged = Buffer.from(delta);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.int(0, 7));
      const got = await decode([base], damaged, LIMIT).catch((error: unknown) => error);
      if (Buffer.isBuffer(got)) expect(got.equals(page)).toBe(false);
      else expect(got).toBeInstanceOf(DeltaError);
    }
  });
});

describe("a page that differs in a few places", () => {
  const changed = (page: Buffer, places: number): Buffer => {
    const text = page.toString();
    const step = Math.floor(text.length / (places + 1));
    let out = "";
    for (let place = 0; place <= places; place++) {
      out += text.slice(place * step, place === places ? undefined : (place + 1) * step);
      if (place < places) out += `<!--${place}-->`;
    }
    return Buffer.from(out);
  };

  it.each([1, 3, 10])("%i takes some bytes for each, far fewer than zstd takes time for", async (places) => {
    const base = madePage(seeded(), 400);
    const page = changed(base, places);
    const delta = spliceWithin([base], page, { steps: 48, addedBytes: 1024 });
    expect(delta?.length).toBeLessThan(8 + places * 14);
    expect(delta?.length).toBeLessThan((await zstdCodec.encode([base], page)).length + 8);
    expect((await decode([base], delta ?? Buffer.alloc(0), LIMIT)).equals(page)).toBe(true);
  });

  it("is compressed where the changes are alike, such as a token on every row", async () => {
    const [before, after] = ["0123456789abcdef", "fedcba9876543210"];
    const rows = (token: string) =>
      Buffer.from(
        Array.from({ length: 40 }, (_, i) => `<li id="${token}">the row ${i} of the page</li>\n`).join(""),
      );
    const delta = spliceWithin([rows(before)], rows(after), { steps: 48, addedBytes: 1024 });
    expect(delta?.[0]).toBe(1);
    expect(delta?.length).toBeLessThan(100);
  });
});

describe("a splice is given up", () => {
  const base = Buffer.from("the first of all pages, and of all pages the first; ".repeat(4));
  const page = Buffer.concat([base.subarray(0, 100), Buffer.from("++++"), base.subarray(104)]);

  it.each([
    [{ steps: 2, addedBytes: 4 }, true],
    [{ steps: 1, addedBytes: 4 }, false],
    [{ steps: 2, addedBytes: 3 }, false],
  ])("beyond %j: %s", async (bounds, made) => {
    expect(spliceWithin([base], page, bounds) !== undefined).toBe(made);
  });

  it("for pages above its size, which the codec says beforehand", async () => {
    expect([fits(0, SPLICE_PAGE_BYTES), fits(0, SPLICE_PAGE_BYTES + 1)]).toEqual([true, false]);
    await expect(encode([], Buffer.alloc(SPLICE_PAGE_BYTES + 1))).rejects.toThrow(DeltaError);
  });

  it("for noise, without having looked at all of it", async () => {
    const random = seeded();
    const bounds = { steps: 48, addedBytes: 1024 };
    expect(spliceWithin([random.bytes(100_000)], random.bytes(100_000), bounds)).toBeUndefined();
  });
});
