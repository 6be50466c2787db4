/**
 * Small bases and pages of what the large frozen texts leave out: bytes of all values, expectations of the base that hold for long beside others, stretches that begin where the bases
 * do, pages that go on behind the end of theirs, and next to nothing. What was once made of them is frozen (small-vectors): the texts never change.
 */
import { Random } from "../../kit/random.ts";

interface SmallText {
  readonly name: string;
  readonly bases: readonly Buffer[];
  readonly page: Buffer;
}

/** Rows that begin alike and end otherwise, of bytes that are all of one value and of others. */
const rowsOf = (random: Random, count: number, bytes: readonly number[]): Buffer =>
  Buffer.from(
    Array.from({ length: count }, (_, row) => [
      ...Array.from({ length: 24 }, (__, at) => bytes[at % bytes.length] as number),
      ...random.bytes(9),
      row & 3,
      bytes[row % bytes.length] as number,
    ]).flat(),
  );

/** Every so many bytes one is another. */
const changed = (page: Buffer, every: number): Buffer =>
  Buffer.from(page.map((byte, at) => (at % every === every - 1 ? byte ^ 1 : byte)));

const anew = (page: Buffer, at: number, own: Buffer): Buffer =>
  Buffer.concat([page.subarray(0, at), own, page.subarray(at)]);

export const smallTexts = (): readonly SmallText[] => {
  const random = new Random(53);
  const all = Buffer.from(Array.from({ length: 768 }, (_, at) => (at * 7 + (at >> 8)) & 255));
  const high = rowsOf(random, 12, [255, 254, 255, 253, 127, 128]);
  const low = rowsOf(random, 12, [0, 0, 0, 1]);
  const text = Buffer.from(
    Array.from({ length: 60 }, (_, at) => `<li>row ${at % 7} of a list, number ${at * 31}</li>\n`).join(""),
  );
  const chance = random.bytes(700);
  const far = Buffer.from(random.bytes(1_100).toString("hex"));
  return [
    { name: "all bytes", bases: [all], page: changed(anew(all, 300, all.subarray(0, 50)), 29) },
    { name: "high bytes", bases: [high], page: changed(high, 31) },
    { name: "low bytes", bases: [low], page: changed(anew(low, 90, Buffer.alloc(40)), 33) },
    { name: "rows", bases: [text], page: changed(text, 47) },
    {
      name: "the beginning of a base after its end",
      bases: [text],
      page: Buffer.concat([
        ...[text.subarray(1_500, 1_700), Buffer.from("<p>row 3 of a list"), text.subarray(20, 160)],
        ...[
          Buffer.from("number 5</li>"),
          text.subarray(2, 100),
          text.subarray(1_900),
          Buffer.from("</ul>row 2"),
        ],
      ]),
    },
    {
      name: "behind the end of a base",
      bases: [chance, text.subarray(0, 400)],
      page: Buffer.concat([
        text.subarray(0, 400),
        changed(text.subarray(400, 900), 21),
        chance.subarray(9, 300),
      ]),
    },
    { name: "chance", bases: [chance], page: Buffer.concat([random.bytes(90), chance.subarray(100, 250)]) },
    { name: "a base of three bytes", bases: [Buffer.from("abc")], page: Buffer.from("abcabdabcabdabc") },
    { name: "what a base has too far off", bases: [far], page: anew(far, 1_800, far.subarray(0, 50)) },
    {
      name: "behind all of a base, and before",
      bases: [text],
      page: Buffer.concat([
        ...[changed(text.subarray(0, 400), 37), text.subarray(400)],
        ...[5, 66, 777].map((row) => Buffer.from(`<li>row ${row % 7} of a list, number ${row}</li>\n`)),
      ]),
    },
    { name: "zeros", bases: [Buffer.alloc(9)], page: Buffer.alloc(60) },
    { name: "a byte", bases: [Buffer.from("<")], page: Buffer.from(">") },
  ];
};

/** Pages of which nothing but how often bytes come can be learnt, so that weights grow as far as they may. */
export const evenTexts = (): readonly Buffer[] => {
  const random = new Random(54);
  const made = (bytes: number, byteAt: (at: number) => number) =>
    Buffer.from(Array.from({ length: bytes }, (_, at) => byteAt(at)));
  return [
    made(12_000, () => 97 + random.int(0, 1)),
    made(12_000, (at) => (at % 3 > 0 ? 0 : random.int(0, 255))),
  ];
};
