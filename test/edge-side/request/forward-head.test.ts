import { describe, expect, it } from "vitest";
import { forwardHead } from "../../../edge-side/request/forward-head.ts";
import { inNetworks, plainAddress } from "../../../protocol/runtime/ip-address.ts";

const forwarded = (fields: readonly string[], trusted = false, address = "192.0.2.7") =>
  forwardHead(
    {
      method: "GET",
      target: "/a?b=%20",
      fields: ["Host", "WWW.example.com:8080", ...fields],
      address,
      host: "www.example.com",
      authority: "WWW.example.com:8080",
      scheme: "http",
      version: "1.1",
      upgrade: undefined,
      compress: false,
    },
    { pseudonym: "coilgun", trusted },
  );

const fieldsOf = (...args: Parameters<typeof forwarded>): readonly string[] =>
  forwarded(...args).fields.slice(2);

const VIA = "1.1 coilgun";

const ADDED = [
  ...["X-Forwarded-For", "192.0.2.7", "X-Forwarded-Proto", "http"],
  ...["X-Forwarded-Host", "WWW.example.com:8080", "Via", VIA],
];

describe("a request that goes on", () => {
  it("keeps method, target, order, duplicates, case and empty values", () => {
    const fields = ["accept", "b", "X-A", "1", "Accept", "c", "x-a", "", "Cookie", "a=\u00e9"];
    expect(forwarded(fields)).toEqual({
      method: "GET",
      target: "/a?b=%20",
      fields: ["Host", "WWW.example.com:8080", ...fields, ...ADDED],
    });
  });

  it("loses the fields of the visitor's connection, but for the trailers it can take", () => {
    const hop = ["Connection", "keep-alive, X-Hop", "X-Hop", "1", "Keep-Alive", "5", "TE", "gzip, trailers"];
    const more = ["Proxy-Authorization", "x", "Upgrade", "h2c", "X-Stays", "1"];
    expect(fieldsOf([...hop, ...more])).toEqual(["X-Stays", "1", ...ADDED, "TE", "trailers"]);
  });

  it("keeps the expectation, which the web server has to meet", () => {
    expect(fieldsOf(["Expect", "100-continue"])).toEqual(["Expect", "100-continue", ...ADDED]);
  });

  it("cannot be robbed of what it means by Connection", () => {
    const fields = [
      "Connection",
      "cookie, authorization, host, content-length",
      "Cookie",
      "a=1",
      "Authorization",
      "x",
    ];
    expect(fieldsOf(fields)).toEqual(["Cookie", "a=1", "Authorization", "x", ...ADDED]);
  });

  it("says which proxies it came through, in one field", () => {
    expect(fieldsOf(["Via", "1.0 a", "via", "1.1 b"]).slice(-2)).toEqual(["Via", `1.0 a, 1.1 b, ${VIA}`]);
  });
});

describe("what a visitor says of itself", () => {
  const said = [
    ...["X-Forwarded-For", "10.0.0.1", "x-forwarded-for", "10.0.0.2", "X-Forwarded-Proto", "https"],
    ...["X-Forwarded-Host", "public.example.com", "Forwarded", "for=10.0.0.1", "X-Real-IP", "10.0.0.1"],
  ];

  it("is not believed", () => {
    expect(fieldsOf(said)).toEqual(ADDED);
  });

  it("is believed from a trusted proxy, and its address added", () => {
    expect(fieldsOf(said, true)).toEqual([
      ...["X-Forwarded-Proto", "https", "X-Forwarded-Host", "public.example.com"],
      ...["X-Real-IP", "10.0.0.1", "X-Forwarded-For", "10.0.0.1, 10.0.0.2, 192.0.2.7"],
      ...["Forwarded", "for=10.0.0.1, for=192.0.2.7;proto=http", "Via", VIA],
    ]);
  });

  it("is filled up where a trusted proxy said nothing", () => {
    expect(fieldsOf([], true)).toEqual(ADDED);
  });
});

describe("trust", () => {
  const trusts = inNetworks([
    { address: "10.0.0.0", prefix: 8 },
    { address: "2001:db8::", prefix: 32 },
    { address: "192.0.2.1", prefix: 32 },
  ]);

  it.each([
    ["10.255.0.1", true],
    ["11.0.0.1", false],
    ["192.0.2.1", true],
    ["192.0.2.2", false],
    ["2001:db8:1::1", true],
    ["2001:db9::1", false],
    ["", false],
  ])("in %s is %s", (address, trusted) => {
    expect(trusts(address)).toBe(trusted);
  });

  it.each([
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["::ffff:0:1", "::ffff:0:1"],
    ["10.0.0.1", "10.0.0.1"],
  ])("knows %s as %s", (address, plain) => {
    expect(plainAddress(address)).toBe(plain);
  });
});
