import { describe, expect, it } from "vitest";
import { Http2Fields, MOST_UNTOLD } from "../../../../edge-side/http/parser/http2-fields.ts";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  frame,
  HEADERS,
  PADDED,
  PREFACE,
  PRIORITY,
  SETTINGS,
} from "../../../kit/http2-frames.ts";

/** `:method: GET` of the static table. */
const GET = 0x82;

/** Strings of bytes that would be fields themselves. */
const string = (length: number): number[] => Array.from({ length }, () => GET);
/** As many names and values as node would tell of. */
const rawOf = (fields: number): string[] => Array.from({ length: fields * 2 }, () => "x");

const counting = (bytes: Buffer, pieceBytes = bytes.length): Http2Fields => {
  const fields = new Http2Fields();
  for (let at = 0; at < bytes.length; at += pieceBytes) fields.read(bytes.subarray(at, at + pieceBytes));
  return fields;
};
const connection = (...frames: readonly Buffer[]): Buffer =>
  Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, [0, 3, 0, 0, 0, 100]), ...frames]);

/** The fields that the head of a stream has, whatever the pieces it comes in. */
const countOf = (bytes: Buffer, stream = 1): number => {
  const counts = [bytes.length, 1, 7].map((pieceBytes) =>
    [...Array(20).keys()].filter((count) =>
      counting(bytes, pieceBytes).isHeadWhole(stream, rawOf(count), false),
    ),
  );
  expect(new Set(counts.map(String)).size).toBe(1);
  expect(counts[0]).toHaveLength(1);
  return counts[0]?.[0] ?? -1;
};

describe("the fields of a head", () => {
  const after = [GET];
  it.each([
    ["indexed", [GET], 1],
    ["indexed far back in the table", [0xff, 0x80, 0x01], 1],
    ["a literal with a name of the table", [0x41, 3, ...string(3)], 1],
    ["a literal with a name far back in the table", [0x7f, 0x05, 3, ...string(3)], 1],
    ["a literal with its own name", [0x40, 2, ...string(2), 3, ...string(3)], 1],
    ["a literal that enters no table", [0, 2, ...string(2), 3, ...string(3)], 1],
    ["a literal that enters no table, with a name far back", [0x0f, 0xff, 0x01, 3, ...string(3)], 1],
    ["a literal that never enters one", [0x10, 2, ...string(2), 3, ...string(3)], 1],
    ["Huffman codes", [0, 0x82, ...string(2), 0x83, ...string(3)], 1],
    ["empty strings", [0, 0, 0], 1],
    ["a value of 127 bytes", [0, 1, GET, 0x7f, 0, ...string(127)], 1],
    [
      "a value of 400 bytes, its length longer than need be",
      [0, 1, GET, 0x7f, 0x91, 0x82, 0, ...string(400)],
      1,
    ],
    ["new sizes of the table, which are none", [0x20, 0x3f, 0xe1, 0x1f], 0],
    ["none", [], 0],
  ])("%s", (_, block, count) => {
    expect(countOf(connection(frame(HEADERS, END_HEADERS, 1, [...block, ...after])))).toBe(count + 1);
  });

  it("in padded frames, with a priority, and on in others", () => {
    const frames = (cut: number) => {
      const block = [0x10, 2, ...string(2), 0x7f, 10, ...string(137), GET, 0x41, 1, GET];
      return connection(
        frame(HEADERS, PADDED | PRIORITY, 1, [3, 0, 0, 0, 0, 9, ...block.slice(0, cut), GET, GET, GET]),
        frame(CONTINUATION, PADDED, 1, block.slice(cut, cut + 1)),
        frame(CONTINUATION, 0, 1),
        frame(CONTINUATION, END_HEADERS, 1, block.slice(cut + 1)),
        frame(HEADERS, END_HEADERS, 3, [GET]),
      );
    };
    for (let cut = 0; cut < 147; cut++) expect([cut, countOf(frames(cut))]).toEqual([cut, 3]);
    expect(countOf(frames(5), 3)).toBe(1);
  });

  it("behind bodies and frames that nobody knows", () => {
    const frames = [frame(DATA, 0, 1, string(30)), frame(200, 0xff, 1, string(30)), frame(DATA, 0, 1)];
    expect(countOf(connection(...frames, frame(HEADERS, END_HEADERS, 3, [GET, GET])), 3)).toBe(2);
  });

  it("are unknown of a stream that sent none", () => {
    expect(counting(connection()).isHeadWhole(1, [], false)).toBe(false);
  });

  it("are told of in order, without those that were refused in between", () => {
    const heads = [1, 3, 5].map((stream) => frame(HEADERS, END_HEADERS, stream, Array(stream).fill(GET)));
    const fields = counting(connection(...heads));
    expect(fields.isHeadWhole(3, rawOf(3), false)).toBe(true);
    expect(fields.isHeadWhole(1, rawOf(1), false)).toBe(false);
    expect(fields.isHeadWhole(5, rawOf(5), false)).toBe(true);
  });
});

describe("trailers", () => {
  const upload = connection(
    frame(HEADERS, END_HEADERS, 1, [GET, GET]),
    frame(DATA, 0, 1, string(5)),
    frame(HEADERS, END_HEADERS, 1, [0, 1, GET, 1, GET]),
  );

  it("are counted beside the head, before or after it is told of", () => {
    for (const early of [0, 20]) {
      const fields = counting(upload.subarray(0, upload.length - early));
      expect(fields.isHeadWhole(1, rawOf(2), true)).toBe(true);
      fields.read(upload.subarray(upload.length - early));
      expect(fields.areTrailersWhole(1, [])).toBe(false);
      expect(fields.areTrailersWhole(1, rawOf(1))).toBe(true);
    }
  });

  it("are none where none came", () => {
    const fields = counting(upload.subarray(0, -14));
    fields.isHeadWhole(1, rawOf(2), true);
    expect([fields.areTrailersWhole(1, []), fields.areTrailersWhole(1, rawOf(1))]).toEqual([true, false]);
  });
});

it("ends a connection with more heads than node would take", () => {
  const fields = counting(connection());
  const heads = Array.from({ length: MOST_UNTOLD + 1 }, (_, i) =>
    frame(HEADERS, END_HEADERS, i * 2 + 1, [GET]),
  );
  expect(heads.map((head) => fields.read(head))).toEqual(heads.map((_, i) => i < MOST_UNTOLD));
});

it("reads on in what is no HTTP/2", () => {
  const noise = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * i * 31 + i * 7) % 256));
  for (const type of [HEADERS, CONTINUATION]) {
    expect(counting(connection(frame(type, PADDED | END_HEADERS, 1, [255, 0x7f]), noise)).read(noise)).toBe(
      true,
    );
    const endless = frame(type, END_HEADERS, 1, [0, 0x7f, ...Array(2_000).fill(0xff), 0, ...string(9)]);
    expect(counting(connection(endless)).read(noise)).toBe(true);
  }
});
