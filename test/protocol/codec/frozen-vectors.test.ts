/**
 * What each codec made once decodes for ever: a side of an older version may send it. Frames, heads and hellos are frozen by the worked
 * bytes of SPEC (test/spec). Where one of these fails, the codec has another form, and needs another number: never change the file.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CODEC_NAMES, codecById, codecNamed, STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import { foldedCodec } from "../../../protocol/codec/folded.ts";

interface Vector<Coded> {
  readonly name: string;
  readonly codec: number;
  readonly bases: readonly ("older" | "base")[];
  readonly coded: Coded;
}

interface Vectors {
  readonly texts: { readonly older: string; readonly base: string; readonly page: string };
  readonly buffered: readonly Vector<string>[];
  readonly streamed: readonly (Vector<readonly string[]> & { readonly plainBytes: readonly number[] })[];
}

const FILE = new URL("../../fixtures/vectors/codecs.json", import.meta.url);
const { texts, buffered, streamed } = JSON.parse(readFileSync(FILE, "utf8")) as Vectors;
const bytesOf = (text: string) => Buffer.from(text, "base64");
const PAGE = bytesOf(texts.page);
const basesOf = ({ bases }: Pick<Vector<unknown>, "bases">) => bases.map((name) => bytesOf(texts[name]));

describe("the bytes of 0.2.0, and of mixed splices", () => {
  it("are here for every codec, folded and not", () => {
    const plain = CODEC_NAMES.map(codecNamed);
    const ids = [...plain, ...plain.map(foldedCodec)].map(({ id }) => id).sort();
    expect([...new Set(buffered.map(({ codec }) => codec))].sort()).toEqual(ids);
  });

  it.each(buffered)("decode to the page: $name", async (vector) => {
    const page = await codecById(vector.codec)?.decode(basesOf(vector), bytesOf(vector.coded), {
      pageBytes: PAGE.length,
    });
    expect(page?.equals(PAGE)).toBe(true);
    // A delta that holds the page would tell nothing of how bases are read.
    if (vector.bases.length > 0) expect(bytesOf(vector.coded).length).toBeLessThan(PAGE.length / 2);
  });

  it.each(streamed)(
    "decode to the page, segment by segment: $name",
    async ({ coded, plainBytes, ...vector }) => {
      const decoder = STREAMING_CODEC.streaming.decoder(basesOf(vector), { pageBytes: PAGE.length });
      expect(vector.codec).toBe(STREAMING_CODEC.id);
      let at = 0;
      for (const [segment, bytes] of plainBytes.entries()) {
        const plain = await decoder.write(bytesOf(coded[segment] ?? ""));
        expect(plain.equals(PAGE.subarray(at, at + bytes))).toBe(true);
        at += bytes;
      }
      expect([(await decoder.end()).length, at]).toEqual([0, PAGE.length]);
    },
  );
});
