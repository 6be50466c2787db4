/** protocol/headers/packed-runs.ts: texts of several codes, such as a JWT, in the bits that they have. */
import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { LinkError } from "../../../protocol/errors.ts";
import {
  LONG_COOKIES,
  MOST_RUN_CHARACTERS,
  MOST_RUNS,
  packedRuns,
} from "../../../protocol/headers/packed-runs.ts";
import { packedText, readPackedText } from "../../../protocol/headers/packed-text.ts";
import { headCoders } from "../../../protocol/link/link-context.ts";
import { helloMaker } from "../../../protocol/link/local-hello.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import { mutated } from "../../fuzz/mutate.ts";
import { Random, seeded } from "../../kit/random.ts";

const read = (bytes: Buffer): string => {
  const reader = new ByteReader(bytes);
  const text = readPackedText(reader);
  expect(reader.left).toBe(0);
  return text;
};

const noise = new Random(11);
const url = (bytes: number) => noise.bytes(bytes).toString("base64url");
const hex = (bytes: number) => noise.bytes(bytes).toString("hex");
const jwt = () => {
  const signed = [
    '{"alg":"HS256"}',
    JSON.stringify({ sub: hex(8), session: hex(16), iat: 1_790_000_000, exp: 1_790_000_900 }),
  ]
    .map((each) => Buffer.from(each).toString("base64url"))
    .join(".");
  return `${signed}.${createHmac("sha256", "key").update(signed).digest("base64url")}`;
};

it.each<[string, string, number]>([
  ["a JWT", jwt(), 0.83],
  ["an encrypted JWT", `${url(84)}..${url(16)}.${url(280)}.${url(32)}`, 0.78],
  ["Iron's seals", `Fe26.2*1*${hex(32)}*${url(16)}*${url(150)}*1790000000000*${hex(32)}*${url(32)}~2`, 0.75],
  ["what is encoded and signed with a colon", `e%3A${url(130)}.${url(12)}.${url(32)}`, 0.8],
  [
    "standard base64 behind a name",
    `def:${noise.bytes(90).toString("base64").replaceAll("A", "+")}:${hex(16)}`,
    0.78,
  ],
  [
    "base64 as a cookie has to write it",
    `s%3A${encodeURIComponent(`${noise.bytes(90).toString("base64").replaceAll("A", "/")}.`)}`,
    0.78,
  ],
])("packs %s", (_, text, share) => {
  expect(packedText(text)).toBeUndefined();
  const packed = packedText(text, { runs: true });
  expect(packed && read(packed)).toBe(text);
  expect(packed?.length).toBeLessThan(share * text.length);
});

it("takes as many bytes for one value as for another of its shape", () => {
  const sizes = Array.from({ length: 50 }, () => packedRuns(`${url(48)}.${url(32)}`)?.length);
  expect(new Set(sizes).size).toBe(1);
});

it("gives back whatever it packed", () => {
  const random = seeded();
  const letters = ["abcdefabcdef", "Zz09", "-_", "+", "/", "%2B", "%2F", "%3D", "=", ".", ":", "é", ""];
  for (let n = 0; n < 3_000; n++) {
    const text = Array.from({ length: random.int(0, 40) }, () => random.pick(letters)).join("");
    const packed = packedRuns(text);
    if (packed !== undefined) expect(read(packed), text).toBe(text);
  }
});

it("reads or refuses what is damaged", () => {
  const random = seeded();
  const inputs = [jwt(), `${hex(16)}:${url(40)}`, `s%3A${"%2Bb".repeat(6)}`].map((text) => packedRuns(text));
  for (let n = 0; n < 3_000; n++) {
    const bytes = mutated(random, random.pick(inputs) ?? Buffer.alloc(0));
    try {
      expect(readPackedText(new ByteReader(bytes)).length).toBeLessThanOrEqual(3 * bytes.length);
    } catch (error) {
      expect(error, bytes.toString("hex")).toBeInstanceOf(LinkError);
    }
  }
});

it.each([
  ["a text without runs", "lang=en|theme=dark"],
  ["too long a text", "a".repeat(MOST_RUN_CHARACTERS + 1)],
  [
    "too many runs",
    Array(MOST_RUNS + 1)
      .fill("a".repeat(12))
      .join("."),
  ],
])("leaves %s as it is", (_, text) => expect(packedRuns(text)).toBeUndefined());

it.each([
  ["no runs", "00 02"],
  ["more runs than there may be", "00 33 00 18"],
  ["more characters than a cookie has", "00 03 00 80 81 00"],
  ["characters that are not there", "00 03 00 18 00"],
])("refuses %s", (_, bytes) =>
  expect(() => readPackedText(new ByteReader(Buffer.from(bytes.replaceAll(" ", ""), "hex")))).toThrow(),
);

const hello = helloMaker({
  role: "origin",
  headBytes: 64 * 1024,
  streamsPerLink: 10,
  pageBytes: 1024,
  codecs: [1],
})();
const secondAnswer = (features: readonly string[]): number => {
  const { encoder } = headCoders(hello, { ...hello, role: "edge", features });
  const sizes = [1, 2].map(() => {
    const w = new ByteWriter();
    encoder.encode(w, [":status", "200", "Set-Cookie", `token=${url(60)}.${url(32)}; Path=/; HttpOnly`]);
    return w.take().length;
  });
  return sizes[1] ?? 0;
};

it("is used where both sides name it", () => {
  expect(LONG_COOKIES).toBe("long-cookies");
  expect(secondAnswer(hello.features)).toBeLessThan(110);
  expect(secondAnswer(hello.features.filter((each) => each !== LONG_COOKIES))).toBeGreaterThan(123);
});
