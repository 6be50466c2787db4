// Set-Cookie, and Cookie, in parts: what takes them apart and what does not, by what the second of two heads costs. SPEC section "Given cookies".
import { expect, it } from "vitest";
import { HeaderDecoder, HeaderEncoder } from "../../../protocol/headers/header-block.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";

const TABLE_BYTES = 65_536;
const APART = { setCookies: true, fresh: true };

/** Bytes of each of these heads, all of which come back. */
const sizes = (heads: readonly HeaderList[], apart = APART): readonly number[] => {
  const encoder = new HeaderEncoder(TABLE_BYTES, apart);
  const decoder = new HeaderDecoder({ tableBytes: TABLE_BYTES, headBytes: 64 * 1024 });
  return heads.map((head) => {
    const w = new ByteWriter();
    encoder.encode(w, head);
    const block = w.take();
    expect(decoder.decode(new ByteReader(block))).toEqual(head);
    return block.length;
  });
};

const attributes = (count: number) =>
  Array.from({ length: count }, (_, at) => `; a${at}=long-value-${at}`).join("");

/** Whether the value alone crosses, of a field that has another one in the second head. */
const isApart = (name: string, before: string, after: string): boolean =>
  (sizes([
    [name, before],
    [name, after],
  ])[1] as number) < 30;

const [ONE, OTHER] = ["z~long-value-of-one!", "z~long-value-of-two!"];

it.each([
  [
    "of a value and attributes",
    "Set-Cookie",
    (value: string) => `sid=${value}; Path=/; HttpOnly; SameSite=Lax`,
    true,
  ],
  ["in another case", "set-cookie", (value: string) => `sid=${value}; Path=/; Max-Age=5000`, true],
  ["of twelve attributes", "Set-Cookie", (value: string) => `sid=${value}${attributes(12)}`, true],
  ["of thirteen", "Set-Cookie", (value: string) => `sid=${value}${attributes(13)}`, false],
  ["of more", "Set-Cookie", (value: string) => `sid=${value}${attributes(15)}`, false],
  ["of a name of one character", "Set-Cookie", (value: string) => `s=${value}; Path=/; HttpOnly`, true],
  ["without a name", "Set-Cookie", (value: string) => `=${value}; Path=/; HttpOnly`, false],
  ["without a value", "Set-Cookie", (value: string) => `${value}; Path=/; HttpOnly`, false],
  [
    "of another field that is as long",
    "X-Cookie-1",
    (value: string) => `sid=${value}; Path=/; HttpOnly`,
    false,
  ],
])("a Set-Cookie %s", (_, name, of, apart) => {
  expect(isApart(name, of(ONE), of(OTHER))).toBe(apart);
});

it("an attribute that stays, or has no value, costs nothing, and one that changes what it is now", () => {
  const of = (path: string) => ["Set-Cookie", `sid=${ONE}; Secure; Path=${path}; HttpOnly`];
  const [, same = 0, changed = 0] = sizes([of("/shop/one"), [...of("/shop/one")], of("/shop/two")]);
  // A byte, its length and its text.
  expect([same, changed]).toEqual([3, 3 + 2 + "/shop/two".length]);
});

it.each([
  [2, true],
  [64, true],
  [65, false],
])("a Cookie of %i pairs is told pair by pair: %s", (count, apart) => {
  const of = (last: string) =>
    [...Array.from({ length: count - 1 }, (_, at) => `long-name-${at}=long-value-${at}`), `z=${last}`].join(
      "; ",
    );
  expect(isApart("Cookie", of(ONE), of(OTHER))).toBe(apart);
});

it("another field whose name is as long as Cookie is told in one piece", () => {
  expect(isApart("X-Name", `a=long-value-of-a; b=${ONE}`, `a=long-value-of-a; b=${OTHER}`)).toBe(false);
});

it("what is fresh travels apart in heads of a cost of up to 7168", () => {
  const most = 7168;
  const headOf = (cost: number) => {
    const head = ["Content-Security-Policy", "script-src 'nonce-abcdefghijkl'", "X"];
    return [...head, "x".repeat(cost - head.join("").length - 2 * 32)];
  };
  for (const [cost, apart] of [
    [most, true],
    [most + 1, false],
  ] as const) {
    const [[told], [whole]] = [APART, {}].map((each) => sizes([headOf(cost)], each as typeof APART)) as [
      number[],
      number[],
    ];
    expect(told !== whole).toBe(apart);
  }
});

it("a name that a peer made like that of a Set-Cookie's value is one of that field alone", () => {
  const head = ["X-Cookie-1: a=", "b"];
  expect(() => sizes([head])).not.toThrow();
});
