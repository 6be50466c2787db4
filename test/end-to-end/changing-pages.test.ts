/**
 * One URL that is not the same twice: type, size, language, coding, status and framing change from visit to visit, and with
 * deltas at work every visit gets exactly what the web server said to it.
 */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { seeded } from "../kit/random.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, response } from "../kit/raw-requests.ts";
import { fieldIn, type RawVisitor } from "../kit/raw-visitor.ts";

watchLeaks();

let pair: RawPair;
let visitor: RawVisitor;
beforeAll(async () => {
  pair = await openRawPair({ edge: { visitors: { listen: "127.0.0.1:0", compress: "off" } } });
  visitor = await pair.visitor();
});
afterAll(() => pair[Symbol.asyncDispose]());

interface Said {
  readonly status?: number;
  readonly fields: readonly string[];
  readonly body: Buffer;
}

const visit = async (target: string, said: Said, ...fields: readonly string[]): Promise<void> => {
  visitor.send(GET(target, ...fields));
  const asked = await pair.web.next();
  asked.answer(response(said.status ?? 200, said.fields, said.body));
  const got = await visitor.response();
  expect([got.status, got.body.equals(said.body)]).toEqual([said.status ?? 200, true]);
  for (const each of said.fields) {
    const [name = "", value] = each.split(/: (.*)/);
    expect(fieldIn(got, name.toLowerCase())).toBe(value);
  }
};

const HTML = "Content-Type: text/html";
const text = (news: string): Buffer => pageOf(11, news);

it.each<[string, readonly Said[], readonly (string | undefined)[]]>([
  [
    "type",
    [
      { fields: [HTML], body: text("one") },
      {
        fields: ["Content-Type: application/json"],
        body: Buffer.from(JSON.stringify({ page: `${text("two")}` })),
      },
      { fields: ["Content-Type: image/png"], body: Buffer.concat([Buffer.of(0x89), text("three")]) },
      { fields: [HTML], body: text("four") },
      { fields: [], body: text("five") },
    ],
    ["whole", "delta", "passed", "delta", undefined],
  ],
  [
    "size",
    [
      { fields: [HTML], body: text("a") },
      { fields: [HTML], body: Buffer.alloc(0) },
      { fields: [HTML], body: Buffer.concat(Array.from({ length: 60 }, (_, i) => text(`b${i}`))) },
      { fields: [HTML], body: Buffer.from("x") },
      { fields: [HTML], body: text("c") },
    ],
    [undefined, undefined, "delta", undefined, "delta"],
  ],
  [
    "language",
    [
      { fields: [HTML, "Content-Language: en", "Vary: Accept-Language"], body: text("Good morning") },
      { fields: [HTML, "Content-Language: de", "Vary: Accept-Language"], body: text("Guten Morgen") },
      {
        fields: [HTML, "Content-Language: el", "Vary: Accept-Language"],
        body: text("\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1"),
      },
      { fields: [HTML, "Content-Language: en", "Vary: Accept-Language"], body: text("Good morning") },
    ],
    [undefined, "delta", "delta", "same"],
  ],
  [
    "status",
    [
      { fields: [HTML], body: text("fine") },
      { status: 404, fields: [HTML], body: text("not here") },
      { status: 500, fields: [HTML], body: text("oops") },
      { status: 302, fields: [HTML, "Location: /elsewhere"], body: Buffer.from("moved") },
      { fields: [HTML], body: text("fine again") },
    ],
    [undefined, undefined, undefined, undefined, "delta"],
  ],
  [
    "coding",
    [
      { fields: [HTML], body: text("plain") },
      { fields: ["Content-Type: application/gzip"], body: gzipSync(text("archive")) },
      { fields: [HTML], body: text("plain again") },
    ],
    [undefined, "passed", "delta"],
  ],
])("a URL that changes its %s gives each visit its own", async (what, said, answers) => {
  for (const each of said) await visit(`/${what}`, each);
  for (const [index, answer] of answers.entries())
    if (answer !== undefined) expect(await pair.visitOf(`/${what}`, index + 1)).toMatchObject({ answer });
});

it("a URL that changes everything at random, a hundred times, is right every time, and deltas were at work", async () => {
  const random = seeded();
  for (let count = 0; count < 100; count++) {
    const news = `${random.int(0, 4)} of ${random.int(0, 2)}`;
    const whole = text(news);
    const from = random.int(0, whole.length - 1);
    const body = random.pick([whole, whole.subarray(from), Buffer.concat([whole, whole]), Buffer.alloc(0)]);
    const type = random.pick(["text/html", "application/json", "image/png", "text/plain"]);
    await visit("/random", {
      status: random.pick([200, 200, 200, 404]),
      fields: [`Content-Type: ${type}`],
      body,
    });
  }
  const kinds = new Set<string | undefined>();
  for (let count = 1; count <= 100; count++) kinds.add((await pair.visitOf("/random", count)).answer);
  expect([...kinds].sort()).toEqual(expect.arrayContaining(["delta", "passed"]));
});

describe("framing that changes", () => {
  it.each([
    ["length", (body: string) => `Content-Length: ${body.length}\r\n\r\n${body}`],
    [
      "chunks",
      (body: string) =>
        `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ],
    ["length", (body: string) => `Content-Length: ${body.length}\r\n\r\n${body}`],
    [
      "chunks",
      (body: string) =>
        `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ],
  ])("to %s changes no byte of the page", async (framing, rest) => {
    const body = text(framing).toString();
    visitor.send(GET("/framing"));
    (await pair.web.next()).answer(`HTTP/1.1 200 OK\r\n${HTML}\r\n${rest(body)}`);
    const got = await visitor.response();
    expect([got.framing, got.body.toString()]).toEqual([framing === "length" ? "length" : "chunked", body]);
  });
});
