import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeBody } from "../../../origin-side/answer/decompress.ts";
import { UpstreamBody } from "../../../protocol/upstream/body.ts";
import { settle } from "../../kit/fake-clock.ts";

const PAGE_BYTES = 2 ** 20;

/** Takes all there is of a body, and says what it failed with. */
const failureOf = async (body: UpstreamBody): Promise<unknown> => {
  try {
    for (;;) {
      const next = await body.next();
      if (!Buffer.isBuffer(next)) return undefined;
    }
  } catch (error) {
    return error;
  }
};

describe("a coding that was made to explode", () => {
  const zeros = zstdCompressSync(Buffer.alloc(16 * PAGE_BYTES));
  const frames = Buffer.concat(Array(20).fill(zeros));

  // Where a piece ends decides whether the decoder breaks while it is being fed, or between two pieces.
  it.each([zeros.length - 1, zeros.length, zeros.length + 1, 2_000, 4_321, 10_000])(
    "fails its body when it comes in pieces of %i bytes",
    async (pieceBytes) => {
      const coded = new UpstreamBody({ pause: () => {}, resume: () => {} });
      let over = 0;
      const plain = decodeBody(coded, "zstd", {
        pageBytes: PAGE_BYTES,
        gone: new AbortController().signal,
        copy: undefined,
        over: () => over++,
      });
      const failure = failureOf(plain);
      for (let at = 0; at < frames.length; at += pieceBytes) {
        coded.push(frames.subarray(at, at + pieceBytes));
        await settle();
      }
      coded.push({ how: "complete", trailers: [] });
      expect(await failure).toMatchObject({ code: "truncated" });
      expect(over).toBe(1);
    },
  );
});

describe("zstd in several frames (RFC 8878 section 3), gzip in several members (RFC 1952 section 2.2)", () => {
  /** A frame that decoders pass over: magic 0x184d2a50, length 5, five bytes. */
  const skippable = Buffer.from("502a4d18" + "05000000" + "0102030405", "hex");
  const [one, two] = [Buffer.from("one page, "), Buffer.from("in two frames")];
  const frames = [zstdCompressSync(one), zstdCompressSync(two)] as const;

  it.each([
    ["zstd", "one that is passed over comes first", [skippable, frames[0], frames[1]]],
    ["zstd", "one that is passed over comes between", [frames[0], skippable, frames[1]]],
    ["zstd", "one that is passed over comes last", [frames[0], frames[1], skippable]],
    ["zstd", "nothing but frames with content", [frames[0], frames[1]]],
    ["gzip", "members", [gzipSync(one), gzipSync(two)]],
  ] as const)("come as one page: %s, %s", async (coding, _, all) => {
    const bytes = Buffer.concat(all);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const coded = new UpstreamBody({ pause: () => {}, resume: () => {} });
      const gone = new AbortController();
      const plain = decodeBody(coded, coding, {
        pageBytes: PAGE_BYTES,
        gone: gone.signal,
        copy: undefined,
        over: () => {},
      });
      for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)])
        if (piece.length > 0) coded.push(piece);
      coded.push({ how: "complete", trailers: [] });
      const pieces: Buffer[] = [];
      for (let next = await plain.next(); ; next = await plain.next()) {
        if (!Buffer.isBuffer(next)) break;
        pieces.push(next);
      }
      expect(Buffer.concat(pieces), `cut at ${cut}`).toEqual(Buffer.concat([one, two]));
    }
  });
});
