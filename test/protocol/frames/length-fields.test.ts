/**
 * Every byte of every frame is a place where a peer can lie. For each one: what a length field could claim (nothing, one too
 * few, one too many, a huge number), and the frame cut there. The outcome is a frame or a bad frame, never another error.
 */
import { describe, expect, it } from "vitest";
import { LinkError } from "../../../protocol/errors.ts";
import { FRAME } from "../../../protocol/frames/frame.ts";
import { readFrame } from "../../../protocol/frames/frame-codec.ts";
import { ByteReader, ByteWriter, varintBytes } from "../../../protocol/wire/bytes.ts";
import { freshDecoder, titled } from "./frame-samples.ts";

const HUGE = Buffer.from("ffffffffffffff0f", "hex");
const ENDLESS = Buffer.alloc(9, 0xff);

const outcome = (bytes: Buffer): string => {
  try {
    return readFrame(new ByteReader(bytes), freshDecoder())?.kind ?? "skipped";
  } catch (error) {
    return error instanceof LinkError ? error.code : `${error}`;
  }
};

/** The frame with its outer length made right again, so that only what is inside lies. */
const framed = (body: Buffer): Buffer => new ByteWriter().varint(body.length).bytes(body).take();

/** The bytes after the outer length. */
const bodyOf = (frame: Buffer): Buffer => new ByteReader(frame).sized().rest();

const replaced = (bytes: Buffer, at: number, by: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + 1)]);

/** A lie in the header block may also show as a table that differs, or as a head that is too large. */
const HONEST = new Set(["bad-frame", "header-table", "too-large", "skipped", ...Object.keys(FRAME)]);

describe.each(titled)("%s", (_, frame, bytes) => {
  const body = bodyOf(bytes);

  it("cut at any byte is a bad frame", () => {
    for (let end = 0; end < bytes.length; end++)
      expect(outcome(bytes.subarray(0, end)), `cut at ${end}`).toBe("bad-frame");
  });

  it("cut at any byte, with a length that fits the cut, is a bad frame or a shorter frame of its kind", () => {
    for (let end = 0; end < body.length; end++) {
      const result = outcome(framed(body.subarray(0, end)));
      expect(["bad-frame", frame.kind], `cut at ${end}`).toContain(result);
    }
  });

  it.each([
    ["zero", () => 0],
    ["one too small", (length: number) => length - 1],
    ["one too large", (length: number) => length + 1],
    ["huge", () => Number.MAX_SAFE_INTEGER],
  ])("with an outer length that is %s is no frame of its kind", (name, claimed) => {
    const lie = new ByteWriter().varint(claimed(body.length)).bytes(body).take();
    const result = outcome(lie);
    const shorter = name === "one too small" && result === frame.kind; // a body may be shorter
    if (!shorter) expect(result).toBe("bad-frame");
  });

  it("with any byte inside made zero, one less, one more, huge or endless is a frame or an honest error", () => {
    for (let at = 0; at < body.length; at++) {
      const byte = body[at] ?? 0;
      const lies = [Buffer.of(0), Buffer.of((byte + 255) % 256), Buffer.of((byte + 1) % 256), HUGE, ENDLESS];
      for (const lie of lies) {
        const result = outcome(framed(replaced(body, at, lie)));
        expect(HONEST.has(result), `byte ${at} as ${lie.toString("hex")}: ${result}`).toBe(true);
      }
    }
  });

  it("with an endless length is a bad frame", () => {
    expect(outcome(Buffer.concat([ENDLESS, body]))).toBe("bad-frame");
    expect(varintBytes(body.length)).toBe(bytes.length - body.length);
  });
});
