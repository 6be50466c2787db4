/**
 * Nonces of policies and durations travel apart from what stays: sizes, the bytes by hand, what travels whole, and what a peer may not
 * say. SPEC section "Fresh parts".
 */
import { describe, expect, it } from "vitest";
import { LinkError } from "../../../protocol/errors.ts";
import {
  FRESH_APART,
  MOST_FRESH,
  MOST_FRESH_CHARACTERS,
  MOST_MARKS,
} from "../../../protocol/headers/fresh-parts.ts";
import { HeaderDecoder, HeaderEncoder } from "../../../protocol/headers/header-block.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { headCoders } from "../../../protocol/link/link-context.ts";
import { helloMaker } from "../../../protocol/link/local-hello.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import { type Random, seeded } from "../../kit/random.ts";

const TABLE_BYTES = 65_536;

/** Both ends of one direction; `block` is what a head takes. */
const pair = (nonces = true, headBytes = 64 * 1024) => {
  const encoder = new HeaderEncoder(TABLE_BYTES, { fresh: nonces });
  const decoder = new HeaderDecoder({ tableBytes: TABLE_BYTES, headBytes });
  return {
    block(head: HeaderList): Buffer {
      const w = new ByteWriter();
      encoder.encode(w, head);
      const block = w.take();
      expect(decoder.decode(new ByteReader(block))).toEqual(head);
      return block;
    },
    decoder,
  };
};

const base64 = (random: Random, bytes = 16) => random.bytes(bytes).toString("base64");
const REST = "object-src 'none'; base-uri 'self'; img-src 'self' data: https://images.example.com";
const headWith = (policy: string, name = "Content-Security-Policy"): HeaderList => [
  ":status",
  "200",
  name,
  policy,
  "Content-Type",
  "text/html",
];

describe("a policy with another nonce in each answer", () => {
  it.each([
    ["one", (random: Random) => `script-src 'nonce-${base64(random)}'; ${REST}`, 17],
    [
      "the same twice",
      (random: Random) => {
        const nonce = base64(random);
        return `script-src 'nonce-${nonce}' 'strict-dynamic'; style-src 'nonce-${nonce}'; ${REST}`;
      },
      17,
    ],
    [
      "two of them",
      (random: Random) =>
        `script-src 'nonce-${random.bytes(16).toString("hex")}'; style-src 'nonce-${random.bytes(16).toString("hex")}'; ${REST}`,
      2 * 16,
    ],
    ["one of 24 bytes", (random: Random) => `default-src 'nonce-${base64(random, 24)}'; ${REST}`, 24],
  ])("costs the nonce's bits where it has %s", (_, policyWith, nonceBytes) => {
    const random = seeded();
    for (const name of ["Content-Security-Policy", "content-security-policy-report-only"]) {
      const { block } = pair();
      block(headWith(policyWith(random), name));
      // Length, count, place, and a byte for each change.
      for (let time = 0; time < 3; time++)
        expect(block(headWith(policyWith(random), name)).length).toBeLessThanOrEqual(nonceBytes + 5);
    }
  });

  it("is these bytes", () => {
    const { block } = pair();
    block(["Content-Security-Policy", "script-src 'nonce-0123456789abcdef'"]);
    expect(block(["Content-Security-Policy", "script-src 'nonce-00112233eeddccbb'"]).toString("hex")).toBe(
      // length | 1 block and 2 inserts before | like the head at 0 | a tag after another, behind one field that stays | 16 digits
      "0b 03 80 c1 00112233eeddccbb".replaceAll(" ", ""),
    );
  });

  it("takes as many bytes whatever nonces are, so nothing is told of them", () => {
    const random = seeded();
    const sizes = new Set<number>();
    const { block } = pair();
    const policy = () => headWith(`script-src 'nonce-${random.bytes(16).toString("hex")}'`);
    block(policy());
    for (let time = 0; time < 100; time++) sizes.add(block(policy()).length);
    expect(sizes.size).toBe(1);
  });

  it("enters the header table once", () => {
    const { block } = pair();
    const random = seeded();
    block(headWith(`script-src 'nonce-${base64(random)}'`));
    const counts = [0, 1, 2].map(() => block(headWith(`script-src 'nonce-${base64(random)}'`))[1] ?? 0);
    // The count of a block grows by one for the block before, and by one for each entry.
    expect(counts.map((count) => count - (counts[0] ?? 0))).toEqual([0, 1, 2]);
  });
});

describe("Server-Timing", () => {
  const timing = (total: string, other: string) => [
    ...[":status", "200", "Server-Timing", `total;dur=${total};desc="Total Response Time", db; dur=${other}`],
    ...["Server-Timing", `cache;desc="Cache Read";dur=${other}, miss`, "Content-Type", "text/html"],
  ];

  it("costs the digits of its durations, whether some are equal or not", () => {
    const { block } = pair();
    block(timing("0.8", "53.2"));
    // Length, count, place; of each duration a byte, its length and its text.
    expect(block(timing("12.75", "53.2"))).toHaveLength(3 + (2 + 5));
    expect(block(timing("1.5", "1.5"))).toHaveLength(3 + (2 + 3) * 3);
    expect(block(timing("1.5", "97"))).toHaveLength(3 + (2 + 2) * 2);
  });

  it.each([
    'total;dur="53.2"',
    "total;dur=",
    "dur=5",
    "a;dur=1e5, b;dur=.5, c;dur=-1",
    "a;dur=1234567890123456",
    Array.from({ length: MOST_FRESH + 1 }, (_, at) => `m${at};dur=${at}`).join(", "),
  ])("of an odd form comes as it is: %s", (value) => {
    const { block } = pair();
    for (let time = 0; time < 2; time++) block([":status", "200", "server-timing", value]);
  });
});

describe("cookies that say when the page was", () => {
  const ID = "6b4d7e0c-1f2a-4b3c-9d8e-0123456789ab";
  const consent = (clock: string) =>
    `OptanonConsent=isGpcEnabled=0&datestamp=Mon+Nov+30+2026+${clock}+GMT%2B0100+(Central+European+Standard+Time)&version=202409.1.0&consentId=${ID}&groups=C0001%3A1%2CC0002%3A1`;
  const cookie = (at: number, clock: string) =>
    [
      `_ga=GA1.1.123456789.1764522000; _ga_ABCDEF1234=GS2.1.s1764522000$o3$g1$t${at}$j${at % 60}$l0$h0; sid=${ID}`,
      `${consent(clock)}; _clsk=1a2b3c%5E${at}123%5E${at % 7}%5E1%5Er.clarity.ms%2Fcollect; _dd_s=aid=${ID}&rum=2&expire=${at}999`,
      `utag_main=v_id:0199110ae52e0028cc6e9dca0f2e0504e$_sn:1$_ss:0%3Bexp-session$_st:${at}000%3Bexp-session$_pn:2%3Bexp-session`,
    ].join("; ");
  const request = (value: string) => [":method", "GET", ":target", "/", "Cookie", value];
  const size = (before: string, after: string) => {
    const { block } = pair();
    block(request(before));
    return block(request(after)).length;
  };

  it("cost what they say of it, and no more the rest of them", () => {
    const [first, second] = [cookie(1764522959, "17%3A15%3A59"), cookie(1764523003, "17%3A16%3A43")];
    expect(first.length).toBeGreaterThan(600);
    // Length, count, place; `1$t1764523003$j43`, the clock, `1764523003123%5E1`, and two times in milliseconds.
    expect(size(first, second)).toBe(3 + (2 + 17) + (2 + 12) + (2 + 17) + (2 + 13) + (2 + 13));
    expect(size(consent("17%3A15%3A59"), consent("17%3A16%3A43"))).toBe(3 + 2 + 12);
  });

  it("of two people who take turns cost as much", () => {
    const { block } = pair();
    const people = [
      (clock: string) => consent(clock),
      (clock: string) => consent(clock).replace("6b4d", "7777"),
    ];
    for (const person of people) block(request(person("17%3A15%3A59")));
    for (const person of people)
      expect(block(request(person("17%3A16%3A43"))).length).toBeLessThanOrEqual(3 + 3 + 2 + 12);
  });

  it.each([
    ["a session's, with a time in it", `sid=1764522959123.${ID}`],
    [
      "a session's, that says what Google Analytics does",
      `session_ga_=GS2.1.s1764522000$o3$g1$t1764522959$j59$l0$h0`,
    ],
    ["one that only begins so", "_ga_=1764522959123456"],
    ["one of another form", `OptanonConsent=datestamp=2026-11-30T17%3A15%3A59&consentId=${ID}`],
    ["one with a mark in it", `_dd_s=aid=${ID}\u0001&expire=1764522959123`],
  ])("stay in one piece: %s", (_, value) => {
    expect(pair(true).block(request(value))).toEqual(pair(false).block(request(value)));
  });

  it("have each a part of its own, though what two of them say is the same", () => {
    const { block } = pair();
    const at = (first: number, second: number) =>
      request(`_dd_s=aid=${ID}&rum=2&expire=${first}; _dd_s=id=${ID}&expire=${second}`);
    block(at(1764522959123, 1764522959999));
    for (const [first, second, told] of [
      [1764523003123, 1764523003123, 2],
      [1764523003123, 1764523003124, 1],
    ] as const)
      expect(block(at(first, second))).toHaveLength(3 + told * (2 + 13));
  });

  it("come as they were where another pair has a mark", () => {
    for (const other of ["\u0001", "\u0008"]) {
      const head = request(`a=${other}; _dd_s=aid=${ID}&expire=1764522959123`);
      expect(pair(true).block(head)).toEqual(pair(false).block(head));
    }
  });

  it("come as they were where there are more than are taken apart", () => {
    const { block } = pair();
    const times = (at: number) =>
      Array.from({ length: 12 }, (_, n) => `_dd_s=rum=${n}&expire=${at + n}`).join("; ");
    block(request(times(1764522959123)));
    block(request(times(1764522969123)));
  });
});

it("packs a token against forged requests that is such a cookie, only for who knows of it", () => {
  const random = seeded();
  const token = () =>
    Buffer.from(
      JSON.stringify({
        iv: base64(random),
        value: base64(random, 96),
        mac: random.bytes(32).toString("hex"),
        tag: "",
      }),
    ).toString("base64");
  const request = () => [":method", "GET", ":target", "/api", "X-XSRF-TOKEN", token()];
  const sizes = [true, false].map((knows) => {
    const { block } = pair(knows);
    block(request());
    return block(request()).length;
  });
  expect(sizes[0]).toBeLessThan(170);
  expect(sizes[1]).toBeGreaterThan(340);
});

it.each(["X-XSRF-TOKEN", "X-CSRF-Token"])("tells a short %s in every head, for it may be guessed", (name) => {
  const { block } = pair();
  const request = [":method", "GET", ":target", "/api", name, "0123456789abcde"];
  block(request);
  expect(block([...request]).includes("0123456789abcde")).toBe(true);
});

describe("what travels in one piece comes as it is", () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => `'nonce-${String(at).padStart(8, "0")}'`).join(" ");
  it.each([
    ["of as many nonces as may be", many(MOST_FRESH), true],
    ["of one more", many(MOST_FRESH + 1), false],
    ["with one nonce in as many places as may be", "'nonce-abcdefgh' ".repeat(MOST_MARKS), true],
    ["in one place more", "'nonce-abcdefgh' ".repeat(MOST_MARKS + 1), false],
    [
      "in one place more, beside another",
      `'nonce-12345678' ${"'nonce-abcdefgh' ".repeat(MOST_MARKS + 1)}`,
      false,
    ],
    ["with the longest nonce", `'nonce-${"a".repeat(MOST_FRESH_CHARACTERS)}'`, true],
    ["with a longer one", `'nonce-${"a".repeat(MOST_FRESH_CHARACTERS + 1)}'`, false],
    ["with a short one", "'nonce-abcdefg'", false],
    ["with one that does not end", "script-src 'nonce-abcdefgh", false],
    ["with other characters in it", "script-src 'nonce-abcdefgh?'", false],
    ["with a byte that is a mark", "script-src 'nonce-abcdefgh' \u0001", false],
    ["with the last of these bytes", "script-src 'nonce-abcdefgh' \u0008", false],
    ["with a tab, which is none", "script-src 'nonce-abcdefgh'\t'self'", true],
    ["with all bytes of latin1", String.fromCharCode(...Array(256).keys()), false],
    ["without any", "script-src 'self'", false],
  ])("a policy %s", (_, policy, apart) => {
    const { block } = pair();
    block(headWith(policy.replaceAll("a", "b")));
    const [before, after] = [pair(true), pair(false)].map((each) => each.block(headWith(policy)).length);
    expect(before !== after).toBe(apart);
  });

  it("in a field of another name", () => {
    const head = headWith("script-src 'nonce-abcdefgh'", "X-Content-Policy-Of-Mine!");
    expect(pair(true).block(head)).toEqual(pair(false).block(head));
  });

  it("in a head that is not far from what a peer refuses", () => {
    const head = headWith(`script-src 'nonce-abcdefgh' ${"x".repeat(TABLE_BYTES / 9)}`);
    expect(pair(true).block(head)).toEqual(pair(false).block(head));
  });

  it("beside cookies, and behind another policy", () => {
    const policy = (nonce: string) => `script-src 'nonce-${nonce}'`;
    const head = (a: string, b: string) => [
      ...["Set-Cookie", `${a}=1; path=/`, "Content-Security-Policy", policy(a), "Set-Cookie", "b=2; path=/"],
      ...["Content-Security-Policy", policy(b), "content-security-policy-report-only", policy(a), "X", "1"],
    ];
    const encoder = new HeaderEncoder(TABLE_BYTES, { fresh: true, setCookies: true });
    const decoder = new HeaderDecoder({ tableBytes: TABLE_BYTES, headBytes: 64 * 1024 });
    for (const [a, b] of [["abcdefgh", "ABCDEFGH"] as const, ["12345678", "abcdefgh"] as const]) {
      const w = new ByteWriter();
      encoder.encode(w, head(a, b));
      expect(decoder.decode(new ByteReader(w.take()))).toEqual(head(a, b));
    }
  });
});

it("each part has the name that SPEC gives it", () => {
  const head = [
    ...headWith("script-src 'nonce-abcdefgh'"),
    ...["Server-Timing", "a;dur=12", "Cookie", "_dd_s=rum=2&expire=1764522959123"],
  ];
  const { block } = pair();
  const text = block(head).toString("latin1");
  for (const part of [": nonce\babcdefgh", ": dur\u000212", ": at\r1764522959123"])
    expect(text).toContain(part);
  expect(FRESH_APART).toBe("fresh-apart");
});

describe("a peer may not say", () => {
  /** What a decoder makes of these parts in full. */
  const told = (parts: HeaderList, headBytes?: number) => {
    const w = new ByteWriter();
    new HeaderEncoder(TABLE_BYTES).encode(w, parts);
    return pair(true, headBytes).decoder.decode(new ByteReader(w.take()));
  };
  const nonces = (count: number, nonce: string) => Array(count).fill([": nonce", nonce]).flat();

  it.each([
    ["a nonce without a field before it", nonces(1, "abcdefgh"), "bad-frame"],
    ["a ninth nonce", ["X", "", ...nonces(MOST_FRESH + 1, "abcdefgh")], "bad-frame"],
    [
      "a nonce that is too long",
      ["X", "\u0001", ...nonces(1, "a".repeat(MOST_FRESH_CHARACTERS + 1))],
      "bad-frame",
    ],
    [
      "a nonce in too many places",
      ["X", "\u0001".repeat(MOST_MARKS + 1), ...nonces(1, "abcdefgh")],
      "bad-frame",
    ],
  ])("%s", (_, parts, code) => {
    expect(() => told(parts)).toThrow(expect.objectContaining({ code }));
    expect(() => told(parts)).toThrow(LinkError);
  });

  it("what is larger than a head may be once nonces are in their places", () => {
    const field = ["X", "\u0001".repeat(MOST_MARKS), ...nonces(1, "a".repeat(MOST_FRESH_CHARACTERS))];
    expect(told(field, 16 * MOST_FRESH_CHARACTERS + 1)).toHaveLength(2);
    expect(() => told(field, 16 * MOST_FRESH_CHARACTERS)).toThrow(
      expect.objectContaining({ code: "too-large" }),
    );
  });
});

describe("a link", () => {
  const hello = helloMaker({
    role: "origin",
    headBytes: 64 * 1024,
    streamsPerLink: 10,
    pageBytes: 1024,
    codecs: [1],
  })();
  const secondHead = (features: readonly string[]) => {
    const { encoder } = headCoders(hello, { ...hello, role: "edge", features });
    const random = seeded();
    const blocks = [1, 2].map(() => {
      const w = new ByteWriter();
      encoder.encode(w, headWith(`script-src 'nonce-${base64(random)}'; ${REST}`));
      return w.take();
    });
    return blocks[1]?.length ?? 0;
  };

  it("keeps nonces apart where both sides say so, and tells policies whole to a peer that does not", () => {
    expect(secondHead(hello.features)).toBeLessThan(25);
    expect(secondHead(hello.features.filter((feature) => feature !== FRESH_APART))).toBeGreaterThan(100);
  });
});
