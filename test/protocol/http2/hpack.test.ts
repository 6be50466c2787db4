import { connect } from "node:http2";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { HeaderBlocks } from "../../../protocol/http2/header-blocks.ts";
import { HpackDecoder, HpackError } from "../../../protocol/http2/hpack.ts";
import { PREFACE } from "../../kit/http2-frames.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("HPACK", () => {
  it("reads the blocks of RFC 7541 appendix C.6, whose table loses what was sent first", () => {
    const decoder = new HpackDecoder();
    const LESS_ROOM = "3fe101"; // 256 bytes
    const date = "Mon, 21 Oct 2013 20:13:21 GMT";
    const rest = ["location", "https://www.example.com"];
    const first = hex(
      `${LESS_ROOM} 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
    );
    expect(decoder.decode(first)).toEqual([
      ...[":status", "302", "cache-control", "private", "date", date],
      ...rest,
    ]);
    expect(decoder.decode(hex("4883640effc1c0bf"))).toEqual([
      ...[":status", "307", "cache-control", "private", "date", date],
      ...rest,
    ]);
    const last = hex(
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    );
    expect(decoder.decode(last)).toEqual([
      ...[":status", "200", "cache-control", "private", "date", "Mon, 21 Oct 2013 20:13:22 GMT"],
      ...rest,
      ...["content-encoding", "gzip"],
      ...["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
    ]);
  });

  it("reads what nghttp2 writes: each byte that a value may have, over and over, through a full table", async () => {
    const decoder = new HpackDecoder();
    const heads: (readonly string[])[] = [];
    let block: Buffer[] = [];
    const blocks = new HeaderBlocks(
      {
        blockBegins: () => {
          block = [];
        },
        blockGoesOn: (bytes, from, to) => void block.push(Buffer.from(bytes.subarray(from, to))),
        blockEnds: () => void heads.push(decoder.decode(Buffer.concat(block))),
      },
      PREFACE.length,
    );
    const connection = new Duplex({
      read() {},
      write(bytes: Buffer, _, done) {
        blocks.read(bytes);
        done();
      },
    });
    const session = connect("http://unused.invalid", { createConnection: () => connection });
    const values = Array.from({ length: 256 }, (_, byte) => byte)
      .filter((byte) => byte === 9 || (byte >= 0x20 && byte !== 0x7f))
      // Shorter in Huffman's code, whatever the byte's own is.
      .map((byte) => `${"0".repeat(20)}${String.fromCharCode(byte)}0`);
    const sent = [0, 1, 2].map((turn) => [
      ...[":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"],
      ...values.flatMap((value, i) => [`x-${(i * (turn + 1)) % 70}`, value]),
    ]);
    for (const head of sent) session.request(head, { endStream: true }).on("error", () => {});
    for (let turn = 0; heads.length < sent.length && turn < 100; turn++) await new Promise(setImmediate);
    session.destroy();
    expect(heads).toEqual(sent);
  });

  it.each([
    ["DEL", "1fffff fe7f", "a\x7f"],
    ["NUL", "1ffe3f", "a\0"],
    ["LF", "1fffffff9f", "a\n"],
    ["CR", "1fffffffbf", "a\r"],
  ])("reads %s in Huffman's code, which no value may have", (_, code, value) => {
    const coded = hex(code);
    expect(new HpackDecoder().decode(Buffer.concat([hex(`000178 8${coded.length}`), coded]))).toEqual([
      "x",
      value,
    ]);
  });

  it.each([
    ["breaks off", "00"],
    ["breaks off within a number", "7f80"],
    ["has a text that is longer", "00 0178 05 61"],
    ["has a length without end", `00 7f${"ff".repeat(200)}00`],
    ["names a field that nobody sent", "be"],
    ["names field 0", "80"],
    ["makes the table larger than was offered", "3fe21f"],
    ["makes the table larger than any number", `3f${"ff".repeat(200)}00`],
  ])("refuses a block that %s", (_, block) => {
    expect(() => new HpackDecoder().decode(hex(block))).toThrow(HpackError);
  });
});
