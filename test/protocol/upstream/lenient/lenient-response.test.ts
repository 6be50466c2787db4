// However a response is cut on its way, it is read the same; what is strict stays as it is, and what is not marks its connection.

import { describe, expect, it } from "vitest";
import { SMALL_PIECE_BYTES } from "../../../../protocol/runtime/piece-merger.ts";
import { LenientResponse } from "../../../../protocol/upstream/lenient/lenient-response.ts";
import { dearerAtOnce } from "../../../kit/cpu.ts";
import { CUT, PASSED, REFUSED } from "../odd-responses.ts";
import { strictTextOf } from "./strict-text.ts";
import { withoutCuts } from "./without-cuts.ts";

const HEAD_BYTES = 64 * 1024;

const readerOf = (method = "GET", upgrade = false): LenientResponse =>
  new LenientResponse({ method, upgrade, headBytes: HEAD_BYTES });

const readIn = (text: string, pieceBytes: number, reader = readerOf()) => {
  const bytes = Buffer.from(text, "latin1");
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, at) =>
    bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes),
  );
  const strict = strictTextOf(reader, pieces);
  return { strict, failure: reader.failure?.message, isLenient: reader.isLenient };
};

describe("the same in one piece and byte by byte", () => {
  const rows = [...REFUSED, ...CUT, ...PASSED].map(([name, bytes]) => [name, bytes] as const);

  it.each(rows.filter(([, bytes]) => bytes.length < 5_000))("%s", (_, bytes) => {
    const whole = readIn(bytes, bytes.length);
    for (const pieceBytes of [1, 2, 3, 7]) {
      const cut = readIn(bytes, pieceBytes);
      expect(withoutCuts(cut.strict)).toBe(withoutCuts(whole.strict));
      expect(cut.failure === undefined).toBe(whole.failure === undefined);
      expect(cut.isLenient).toBe(whole.isLenient);
    }
  });
});

describe("small chunks that are here together become one", () => {
  const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const END = "0\r\n\r\n";
  const large = `${(SMALL_PIECE_BYTES + 1).toString(16)}\r\n${"L".repeat(SMALL_PIECE_BYTES + 1)}\r\n`;

  it.each([
    ["of one byte", "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n", "3\r\nabc\r\n"],
    ["with extensions", "1;x\r\na\r\n2;y=z\r\nbc\r\n", "3\r\nabc\r\n"],
    ["with lines ended by LF alone", "1\na\n2\nbc\n", "3\r\nabc\r\n"],
    [
      "as large as they may be",
      `400\r\n${"a".repeat(1024)}\r\n1\r\nb\r\n`,
      `401\r\n${"a".repeat(1024)}b\r\n`,
    ],
    [
      "but no large ones",
      `1\r\na\r\n${large}1\r\nb\r\n1\r\nc\r\n${large}`,
      `1\r\na\r\n${large}2\r\nbc\r\n${large}`,
    ],
    ["nor those behind one", `${large}${large}1\r\na\r\n`, `${large}${large}1\r\na\r\n`],
  ])("%s", (_, chunks, strict) => {
    expect(readIn(HEAD + chunks + END, 100_000).strict).toBe(HEAD + strict + END);
  });

  it("200,000 of one byte are as many for the parser as there were packets", () => {
    const packets = 20;
    const inPacket = "1\r\na\r\n".repeat(10_000);
    const { strict } = readIn(HEAD + inPacket.repeat(packets) + END, inPacket.length);
    expect(strict.match(/a+/g)?.length).toBeLessThanOrEqual(2 * packets);
  });

  it("what is here of one goes on, though its end is not", () => {
    expect(readIn(`${HEAD}2\r\nab\r\n5\r\ncd`, 100_000).strict).toBe(`${HEAD}4\r\nabcd\r\n`);
  });
});

describe("strict form", () => {
  it("is what it was in already", () => {
    const text =
      "HTTP/1.1 200 OK\r\nX: a b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: a\r\n\r\n";
    expect(readIn(text, text.length)).toEqual({ strict: text, failure: undefined, isLenient: false });
  });

  it.each([
    [
      "HTTP/1.1 200 OK\nX:a \nContent-Length: 2,2\n\nhi",
      "HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 2\r\n\r\nhi",
    ],
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ;a\nhi\n0\nX:  b\n\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: b\r\n\r\n",
    ],
    ["HTTP/1.1 200 a\0b\r\nX: \x7fa\x01\r\n\r\nhi\n", "HTTP/1.1 200 a b\r\nX: a\r\n\r\nhi\n"],
    ["HTTP/1.1 200 OK\r\nX: a\r\n \t b\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a b\r\n\r\n"],
  ])("is made of %j, and its connection is not used again", (text, strict) => {
    expect(readIn(text, text.length)).toEqual({ strict, failure: undefined, isLenient: true });
  });

  it("of a 101 is all that is read: what follows is handed on", () => {
    const text = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\0\n\n";
    expect(readIn(text, text.length, readerOf("GET", true)).strict).toBe(text);
  });
});

it("bytes behind a response mark its connection, and are not handed on", () => {
  const text = "HTTP/1.1 204 No Content\r\n\r\n";
  expect(readIn(`${text}0\r\n\r\n`, 100)).toEqual({ strict: text, failure: undefined, isLenient: true });
});

describe("the log names what was refused, escaped and short", () => {
  it.each([
    ["HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "\\u0000"],
    ["HTTP/1.1 200 OK\r\nContent-Length\xe9: 5\r\n\r\n", "Length\\u00e9"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", "5, 6"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b", "\\u001b"],
    ["220 mail ESMTP\r\n", "220 mail"],
  ])("%j", (text, named) => {
    const { failure = "" } = readIn(text, text.length);
    expect(failure).toContain(named);
    expect(failure.length).toBeLessThan(120);
    expect(failure).toMatch(/^[ -~]*$/);
  });
});

it("costs as much as it has bytes, whatever they are", () => {
  const fillings: readonly ((many: number) => string)[] = [
    (many) => `X: a${"\r".repeat(many)}b\n\n`,
    (many) => `X: a${" ".repeat(many)}b\n\n`,
    (many) => `X: a${"a: b\n".repeat(many / 5)}b\n\n`,
    (many) => `X: a${"\n ".repeat(many / 2)}b\n\n`,
    (many) => `X: a${"a:".repeat(many / 2)}b\n\n`,
    (many) => `Transfer-Encoding: chunked\n\n${"1\nx\n".repeat(many)}0\n${"a:\n".repeat(many / 4)}\n`,
  ];
  const times = dearerAtOnce(60_000, 60, (many) => {
    for (const filling of fillings) readIn(`HTTP/1.1 200 OK\n${filling(many)}`, 64);
  });
  expect(times).toBeLessThan(10);
});
