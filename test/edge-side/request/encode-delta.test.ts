import { describe, expect, it } from "vitest";
import { encodeAlone, encodeOnBase, nearestOf } from "../../../edge-side/request/encode-delta.ts";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import type { KeptBody } from "../../../protocol/store/request-body-store.ts";
import { Random } from "../../kit/random.ts";

const keptOf = (body: Buffer): KeptBody => {
  const fingerprint = fingerprintOf(body);
  return { fingerprint, short: shortOf(fingerprint), body };
};
const text = (words: string): Buffer => Buffer.from(words);
const decoded = ({ codec, base, bytes }: Awaited<ReturnType<typeof encodeOnBase>>, size: number) => {
  const bases = base === undefined ? [] : [base.body];
  if (codec === 0) return bytes;
  return (codec === 3 ? spliceCodec : zstdCodec).decode(bases, bytes, { pageBytes: size });
};

describe("the nearest body", () => {
  const query = (name: string, id: number) =>
    text(`{"operationName":"${name}","variables":{"id":${id}},"query":"query ${name} { shop { id } }"}`);
  const kept = [query("GetCart", 1), query("GetShop", 2), query("ListAll", 3)].map(keptOf);

  it.each([
    ["with other variables", query("GetCart", 77), 0],
    ["of the same name, and the last used of equals", query("GetShop", 2), 1],
    ["that ends alike", text('{"query":"query ListAll { shop { id } }"}'), 2],
  ])("is that of the query %s", (_, body, expected) => {
    expect(nearestOf(kept, body)).toBe(kept[expected]);
  });

  it("is the last used of some that are nothing like it, and of none there is none", () => {
    expect(nearestOf(kept, text("x"))).toBe(kept[2]);
    expect(nearestOf([], text("x"))).toBeUndefined();
  });

  it("counts no byte twice where one repeats", () => {
    const [near, short] = [keptOf(text("aaaaab")), keptOf(text("aaaa"))];
    expect(nearestOf([near, short], text("aaaaaaa"))).toBe(near);
  });
});

describe("a body", () => {
  const random = new Random(7);
  const WORDS = ["autosave", "draft", "the", "of", "title", "is", "and", "a", "paragraph", "said", "when"];
  const document = text(Array.from({ length: 4_000 }, () => random.pick(WORDS)).join(" ")).subarray(
    0,
    20_000,
  );

  it("that is sent again takes a few bytes", async () => {
    const base = keptOf(document);
    const coded = await encodeOnBase(Buffer.from(document), [base]);
    expect(coded).toMatchObject({ codec: 3, base });
    expect(coded.bytes.length).toBeLessThan(10);
  });

  it("that changed in a few places is spliced, and comes back", async () => {
    const next = Buffer.concat([document.subarray(0, 9_000), text(" and more"), document.subarray(9_004)]);
    const coded = await encodeOnBase(next, [keptOf(text("another")), keptOf(document)]);
    expect(coded.codec).toBe(3);
    expect(coded.bytes.length).toBeLessThan(64);
    expect((await decoded(coded, next.length)).equals(next)).toBe(true);
  });

  it("whose parts stand elsewhere is coded by zstd on the base, and comes back", async () => {
    const parts = Array.from({ length: 20 }, (_, i) => document.subarray(i * 1_000, (i + 1) * 1_000));
    const next = Buffer.concat(parts.toReversed());
    const coded = await encodeOnBase(next, [keptOf(document)]);
    expect(coded).toMatchObject({ codec: 1, base: keptOf(document) });
    expect(coded.bytes.length).toBeLessThan(next.length / 10);
    expect((await decoded(coded, next.length)).equals(next)).toBe(true);
  });

  it("without a base is compressed, and as it is where that gains nothing", async () => {
    const rows = text(JSON.stringify(Array.from({ length: 50 }, (_, id) => ({ id }))));
    expect(await encodeOnBase(rows, [])).toMatchObject({ codec: 1, base: undefined });
    const noise = random.bytes(1_000);
    expect(await encodeOnBase(noise, [])).toEqual({ codec: 0, base: undefined, bytes: noise });
    expect(encodeAlone(noise).bytes).toBe(noise);
  });

  it("to which its base is of no use is coded without one", async () => {
    const rows = text(JSON.stringify(Array.from({ length: 50 }, (_, id) => ({ id }))));
    expect((await encodeOnBase(rows, [keptOf(random.bytes(5_000))])).base).toBeUndefined();
  });

  it("is spliced on a base that zstd takes for a dictionary of another kind", async () => {
    const magic = Buffer.concat([Buffer.from([0x37, 0xa4, 0x30, 0xec]), random.bytes(6_000)]);
    const coded = await encodeOnBase(Buffer.concat([magic, text("!")]), [keptOf(magic)]);
    expect(coded.codec).toBe(3);
    const shuffled = Buffer.concat([magic.subarray(3_000), magic.subarray(0, 3_000)]);
    expect((await encodeOnBase(shuffled, [keptOf(magic)])).base).toBeUndefined();
  });
});
