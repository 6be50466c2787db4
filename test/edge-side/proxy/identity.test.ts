/** Who the visitor is, as told to the origin server, and who is believed. RFC 7239, RFC 9110 section 7.6.3. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VisitorRequest } from "../../../edge-side/exchange/visitor-request.ts";
import { forwardHead } from "../../../edge-side/request/forward-head.ts";
import { parseNetwork } from "../../../protocol/config/units.ts";
import { fieldOf } from "../../../protocol/http/head.ts";
import { inNetworks, plainAddress } from "../../../protocol/runtime/ip-address.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { type EdgeUnderTest, GET, HOST, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const asked = (more: Partial<VisitorRequest> = {}): VisitorRequest => ({
  method: "GET",
  target: "/",
  fields: [],
  address: "192.0.2.1",
  host: HOST,
  authority: `${HOST}:8080`,
  scheme: "http",
  version: "1.1",
  upgrade: undefined,
  compress: true,
  ...more,
});
const told = (more: Partial<VisitorRequest>, trusted = false): Record<string, string | undefined> => {
  const { fields } = forwardHead(asked(more), { pseudonym: "coilgun", trusted });
  const names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via", "x-real-ip"];
  return Object.fromEntries(names.map((name) => [name, fieldOf(fields, name)]));
};

const CLAIMS = [
  ...["X-Forwarded-For", "203.0.113.9", "x-forwarded-for", "198.51.100.2", "X-Forwarded-Proto", "https"],
  ...[
    "X-Forwarded-Host",
    "claimed.example",
    "Forwarded",
    "for=203.0.113.9;proto=https",
    "X-Real-IP",
    "203.0.113.9",
  ],
];

describe("what the origin server is told", () => {
  it("of a visitor that says nothing", () => {
    expect(told({})).toEqual({
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": `${HOST}:8080`,
      forwarded: undefined,
      via: "1.1 coilgun",
      "x-real-ip": undefined,
    });
  });

  it("of one that claims to be another, and is not trusted: what we see", () => {
    expect(told({ fields: CLAIMS, scheme: "https" })).toEqual({
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": `${HOST}:8080`,
      forwarded: undefined,
      via: "1.1 coilgun",
      "x-real-ip": undefined,
    });
  });

  it("by a trusted proxy: what it says, and the proxy itself", () => {
    expect(told({ fields: CLAIMS }, true)).toEqual({
      "x-forwarded-for": "203.0.113.9, 198.51.100.2, 192.0.2.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "claimed.example",
      forwarded: "for=203.0.113.9;proto=https, for=192.0.2.1;proto=http",
      via: "1.1 coilgun",
      "x-real-ip": "203.0.113.9",
    });
  });

  it("each thing once", () => {
    const { fields } = forwardHead(asked({ fields: CLAIMS }), { pseudonym: "coilgun", trusted: true });
    const names = fields.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
  });

  it("of an IPv6 visitor in the form of each field", () => {
    const said = told({ address: "2001:db8::7", fields: ["Forwarded", "for=a"] }, true);
    expect([said["x-forwarded-for"], said.forwarded]).toEqual([
      "2001:db8::7",
      'for=a, for="[2001:db8::7]";proto=http',
    ]);
  });

  it.each(["X-Forwarded-Port", "X-Forwarded-Prefix", "X-Client-IP", "True-Client-IP"])(
    "nothing of a visitor's %s",
    (name) => {
      expect(
        fieldOf(
          forwardHead(asked({ fields: [name, "1"] }), { pseudonym: "coilgun", trusted: false }).fields,
          name.toLowerCase(),
        ),
      ).toBeUndefined();
      expect(
        fieldOf(
          forwardHead(asked({ fields: [name, "1"] }), { pseudonym: "coilgun", trusted: true }).fields,
          name.toLowerCase(),
        ),
      ).toBe("1");
    },
  );

  it.each([
    ["1.0", undefined, "1.0 coilgun"],
    ["2.0", undefined, "2.0 coilgun"],
    ["1.1", "1.0 fred, 1.1 p.example", "1.0 fred, 1.1 p.example, 1.1 coilgun"],
  ] as const)("Via of HTTP/%s after %s is %s", (version, before, after) => {
    expect(told({ version, fields: before === undefined ? [] : ["Via", before] }).via).toBe(after);
  });

  it.each([
    ["10.1.2.3", true],
    ["11.1.2.3", false],
    ["2001:db8::1", true],
    ["2001:db9::1", false],
    ["192.0.2.7", true],
    ["", false],
  ])("%s is trusted: %s", (address, trusted) => {
    expect(inNetworks(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"].map(parseNetwork))(address)).toBe(trusted);
  });

  it("IPv4 over an IPv6 socket is IPv4", () => {
    expect(["::ffff:10.1.2.3", "2001:db8::1", "10.0.0.1"].map(plainAddress)).toEqual([
      "10.1.2.3",
      "2001:db8::1",
      "10.0.0.1",
    ]);
  });
});

describe("an edge behind a proxy", () => {
  let edge: EdgeUnderTest;
  beforeAll(async () => {
    edge = await startEdgeUnderTest({ settings: { trustedProxies: ["127.0.0.0/8"] } });
  });
  afterAll(() => edge[Symbol.asyncDispose]());

  it("believes it until a reload says otherwise", async () => {
    const before = await edge.ask(GET("/", "X-Forwarded-For: 203.0.113.9"));
    expect(before.exchange.field("x-forwarded-for")).toBe("203.0.113.9, 127.0.0.1");
    await edge.daemon.reload({ ...edge.config, trustedProxies: [] });
    const after = await edge.ask(GET("/", "X-Forwarded-For: 203.0.113.9"));
    expect(after.exchange.field("x-forwarded-for")).toBe("127.0.0.1");
    expect(edge.troubles).toEqual([]);
  });

  it("believes it until a reload on a connection whose requests repeat the very same head", async () => {
    await edge.daemon.reload(edge.config);
    const visitor = await edge.visitor();
    const toldBy = async (...fields: string[]): Promise<string | undefined> => {
      visitor.send(GET("/", ...fields));
      const exchange = await edge.origin.next();
      exchange.answer(200, ["Content-Length", "2"], "ok");
      await visitor.response();
      return exchange.field("x-forwarded-for");
    };
    const claim = "X-Forwarded-For: 203.0.113.9";
    for (let time = 0; time < 3; time++) expect(await toldBy(claim)).toBe("203.0.113.9, 127.0.0.1");
    expect(await toldBy("X-Forwarded-For: 203.0.113.8")).toBe("203.0.113.8, 127.0.0.1");
    expect(await toldBy(claim)).toBe("203.0.113.9, 127.0.0.1");
    expect(await toldBy(claim)).toBe("203.0.113.9, 127.0.0.1");
    await edge.daemon.reload({ ...edge.config, trustedProxies: [] });
    expect(await toldBy(claim)).toBe("127.0.0.1");
  });
});
