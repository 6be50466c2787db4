import { createGunzip, createGzip, gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ZlibCoder, ZlibStream } from "../../../protocol/runtime/zlib-stream.ts";

const TEXT = Buffer.from("and so it goes on ".repeat(10_000));
const broken = (cause: Error | undefined): Error => new Error("it broke", { cause });

describe("a zlib stream", () => {
  it("fails the call under way, and every later one, when it breaks", async () => {
    const stream = new ZlibStream(createGunzip(), broken);
    const call = stream.run((zlib, done) => zlib.write("no gzip at all", done));
    await expect(call).rejects.toMatchObject({ message: "it broke", cause: { code: "Z_DATA_ERROR" } });
    await expect(stream.run((_, done) => done())).rejects.toThrow("it broke");
  });

  it("fails a call that nobody would ever call back, when it closes", async () => {
    const stream = new ZlibStream(createGunzip(), broken);
    const call = stream.run(() => {});
    stream.zlib.destroy();
    await expect(call).rejects.toMatchObject({ message: "it broke", cause: undefined });
  });

  it("that was given up says why, whatever follows", async () => {
    const stream = new ZlibStream(createGunzip(), broken);
    const call = stream.run((zlib, done) => zlib.write(gzipSync(TEXT), done));
    stream.fail(new Error("given up"));
    stream.fail(new Error("again"));
    await expect(call).rejects.toThrow("given up");
    await new Promise((resolve) => setImmediate(resolve));
    await expect(stream.run((_, done) => done())).rejects.toThrow("given up");
    expect(stream.zlib.destroyed).toBe(true);
  });
});

describe("a coder", () => {
  it("gives each call its own output", async () => {
    const coder = new ZlibCoder(createGzip(), broken);
    const parts = [
      await coder.write(TEXT),
      await coder.run((zlib, done) => zlib.flush(done)),
      await coder.write(TEXT),
      await coder.end(),
    ];
    expect(gunzipSync(Buffer.concat(parts)).equals(Buffer.concat([TEXT, TEXT]))).toBe(true);
    expect(parts[1]?.length).toBeGreaterThan(0);
  });

  it("stops within a chunk of its bound", async () => {
    let mostBytes = 0;
    const coder = new ZlibCoder(createGunzip({ chunkSize: 1024 }), broken, (bytes) => {
      mostBytes = bytes;
      return bytes > 10_000 ? new Error("too much") : undefined;
    });
    await expect(coder.write(gzipSync(TEXT))).rejects.toThrow("too much");
    expect(mostBytes).toBeLessThanOrEqual(11_024);
  });
});
