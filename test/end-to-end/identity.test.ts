/** Who the visitor is, and what the proxy says of itself, as the web server reads it. RFC 9110 section 7.6.3, RFC 7239. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, HOST } from "../kit/raw-requests.ts";
import { fieldIn } from "../kit/raw-visitor.ts";

watchLeaks();

const ABOUT = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip"] as const;
const SAID = [
  "X-Forwarded-For: 203.0.113.7, 10.1.1.1",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: shop.example",
  'Forwarded: for=203.0.113.7;proto=https;by="[2001:db8::1]"',
  "X-Real-IP: 203.0.113.7",
];

describe.each([
  ["nobody is trusted", [], false],
  ["a range without the visitor is trusted", ["10.0.0.0/8", "2001:db8::/32"], false],
  ["the visitor's address is trusted", ["127.0.0.1"], true],
  ["a range around the visitor is trusted", ["127.0.0.0/8"], true],
  ["a range of one address next to it is trusted", ["127.0.0.2/32"], false],
] as const)("where %s", (_, trustedProxies, believed) => {
  let pair: RawPair;
  beforeAll(async () => {
    pair = await openRawPair({ edge: { trustedProxies } });
  });
  afterAll(() => pair[Symbol.asyncDispose]());

  const told = async (...fields: readonly string[]) => {
    const { visitor, request: asked } = await pair.ask(GET("/", ...fields));
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
    return Object.fromEntries(ABOUT.map((name) => [name, asked.all(name)]));
  };

  it("a visitor that says nothing is told of by its connection", async () => {
    expect(await told()).toEqual({
      "x-forwarded-for": ["127.0.0.1"],
      "x-forwarded-proto": ["http"],
      "x-forwarded-host": [HOST],
      forwarded: [],
      "x-real-ip": [],
    });
  });

  it(`what a request says of its visitor is ${believed ? "believed, and added to" : "dropped"}`, async () => {
    expect(await told(...SAID)).toEqual(
      believed
        ? {
            "x-forwarded-for": ["203.0.113.7, 10.1.1.1, 127.0.0.1"],
            "x-forwarded-proto": ["https"],
            "x-forwarded-host": ["shop.example"],
            forwarded: ['for=203.0.113.7;proto=https;by="[2001:db8::1]", for=127.0.0.1;proto=http'],
            "x-real-ip": ["203.0.113.7"],
          }
        : {
            "x-forwarded-for": ["127.0.0.1"],
            "x-forwarded-proto": ["http"],
            "x-forwarded-host": [HOST],
            forwarded: [],
            "x-real-ip": [],
          },
    );
  });

  it("several fields of one name are one list, and none is smuggled past it", async () => {
    const { "x-forwarded-for": addresses } = await told(
      "X-Forwarded-For: 1.1.1.1",
      "x-FORWARDED-for: 2.2.2.2",
    );
    expect(addresses).toEqual([believed ? "1.1.1.1, 2.2.2.2, 127.0.0.1" : "127.0.0.1"]);
  });
});

describe("the pair", () => {
  let pair: RawPair;
  beforeAll(async () => {
    pair = await openRawPair();
  });
  afterAll(() => pair[Symbol.asyncDispose]());

  it.each([
    ["GET / HTTP/1.1", [], "1.1 coilgun"],
    ["GET / HTTP/1.0", [], "1.0 coilgun"],
    ["GET / HTTP/1.1", ["Via: 1.0 fred, 1.1 p.example"], "1.0 fred, 1.1 p.example, 1.1 coilgun"],
    ["GET / HTTP/1.1", ["Via: 1.0 fred", "Via: 2 mary"], "1.0 fred, 2 mary, 1.1 coilgun"],
  ])("adds itself to Via once: %s %j", async (line, fields, via) => {
    const { visitor, request: asked } = await pair.ask(
      `${line}\r\nHost: ${HOST}\r\n${fields.map((each) => `${each}\r\n`).join("")}\r\n`,
    );
    expect(asked.all("via")).toEqual([expect.stringMatching(new RegExp(`^${via}-[0-9a-f]{8}$`))]);
    asked.ok("ok", "Via: 1.1 inner");
    expect(fieldIn(await visitor.response(), "via")).toMatch(/^1\.1 inner(?:, 1\.1 coilgun.*)?$/);
  });

  it("adds nothing else of its own to request or response", async () => {
    const { visitor, request: asked } = await pair.ask(GET("/", "Accept: */*"));
    expect(asked.fields.map(([name]) => name.toLowerCase()).sort()).toEqual(
      [
        "accept",
        "connection",
        "host",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
      ].sort(),
    );
    asked.ok("ok", "Date: Mon, 02 Mar 2026 10:00:00 GMT");
    const { fields } = await visitor.response();
    expect(fields.filter((_, i) => i % 2 === 0)).toEqual([
      "Date",
      "Content-Length",
      "Connection",
      "Keep-Alive",
    ]);
  });
});

describe("the Host", () => {
  it.each([
    ["is kept by default", {}, () => `${HOST}:8080`],
    [
      "is the web server's own address where the route says origin",
      { hostHeader: "origin" },
      (port: number) => `127.0.0.1:${port}`,
    ],
    ["is the one that the route names", { hostHeader: "inner.example" }, () => "inner.example"],
    [
      "is the one that the route names, with its port",
      { hostHeader: "inner.example:81" },
      () => "inner.example:81",
    ],
  ])("%s; X-Forwarded-Host has the visitor's", async (_, route, host: (port: number) => string) => {
    await using pair = await openRawPair({ route });
    const { visitor, request: asked } = await pair.ask(`GET / HTTP/1.1\r\nhost: ${HOST}:8080\r\n\r\n`);
    expect(asked.all("host")).toEqual([host(pair.web.port)]);
    expect(asked.all("x-forwarded-host")).toEqual([`${HOST}:8080`]);
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });
});
