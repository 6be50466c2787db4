import { describe, expect, it } from "vitest";
import { type HostHeader, parseHostHeader, type Route } from "../../../origin-side/config/route-config.ts";
import { upstreamRequest } from "../../../origin-side/request/upstream-head.ts";
import { fieldOf, listOf } from "../../../protocol/http/head.ts";

const origin = { scheme: "https", address: { host: "10.0.0.5", port: 8443 } } as const;
const KEEP: HostHeader = { kind: "keep" };

const asked = (
  fields: readonly string[],
  route: { readonly hostHeader?: HostHeader; readonly askEncoded?: Route["askEncoded"] } = {},
  method = "GET",
) =>
  upstreamRequest(
    { method, target: "/", fields },
    { origin, hostHeader: route.hostHeader ?? KEEP },
    { askEncoded: route.askEncoded ?? "no", wasStrong: (tag) => tag !== '"own"' },
  ).fields;

describe("the Host that a web server gets", () => {
  it.each([
    ["keep", ["Host", "www.example.com:81"], "www.example.com:81"],
    ["keep", ["Host", "a.example", "host", "b.example"], "a.example"],
    ["keep", [], "10.0.0.5:8443"],
    ["origin", ["Host", "www.example.com"], "10.0.0.5:8443"],
    ["inner.example", ["HOST", "www.example.com"], "inner.example"],
    ["inner.example", [], "inner.example"],
  ])("%s, of %j: %s, and no other", (setting, fields, host) => {
    expect(listOf(asked(fields, { hostHeader: parseHostHeader(setting) }), "host")).toBe(host);
  });

  it("says nothing else to anyone: X-Forwarded-Host is the edge's", () => {
    const fields = asked(["Host", "www.example.com", "X-Forwarded-Host", "www.example.com"], {
      hostHeader: { kind: "origin" },
    });
    expect(fieldOf(fields, "x-forwarded-host")).toBe("www.example.com");
  });
});

describe("a tag that comes back", () => {
  it.each([
    ["GET", "If-None-Match", 'W/"a", "b",W/"c"', '"a", "b","c"'],
    ["PUT", "If-None-Match", 'W/"a"', '"a"'],
    ["GET", "If-None-Match", 'W/"own"', 'W/"own"'],
    ["GET", "If-None-Match", 'W/"own", W/"a"', 'W/"own", "a"'],
    ["GET", "If-None-Match", "v1abc", "v1abc"],
    ["PUT", "If-Match", 'W/"a", "b",W/"c"', '"a", "b","c"'],
    ["PATCH", "If-Match", 'W/"own"', 'W/"own"'],
    ["GET", "If-Match", 'W/"a"', 'W/"a"'],
    ["HEAD", "If-Match", 'W/"a"', 'W/"a"'],
    ["GET", "If-Range", 'W/"a"', 'W/"a"'],
    ["DELETE", "If-Match", "*", "*"],
    ["PUT", "If-Match", '"aW/"', '"aW/"'],
  ])("in %s %s: %s becomes %s", (method, name, sent, got) => {
    for (const askEncoded of ["yes", "no", "visitor"] as const)
      expect(listOf(asked(["Host", "a", name, sent], { askEncoded }, method), name.toLowerCase())).toBe(got);
  });

  it("is left alone where it is signed", () => {
    const fields = ["Signature-Input", 's=("if-none-match")', "If-None-Match", 'W/"a"'];
    expect(fieldOf(asked(fields), "if-none-match")).toBe('W/"a"');
  });
});

describe("Accept-Encoding", () => {
  it.each<[string, readonly string[]]>([
    ["that is not there", []],
    ["of a visitor that accepts nothing", ["Accept-Encoding", "identity"]],
    ["of a visitor that would rather have no coding", ["accept-encoding", "identity, gzip;q=0.5"]],
    ["that is signed", ["Accept-Encoding", "gzip, x", "Signature-Input", 's=("accept-encoding")']],
    ["beside a wanted digest", ["Accept-Encoding", "gzip, x", "Want-Repr-Digest", "sha-256=1"]],
    ["beside a range", ["Accept-Encoding", "gzip, x", "Range", "bytes=0-1"]],
  ])("%s stays as it is, in its place", (_, fields) => {
    for (const askEncoded of ["yes", "no", "visitor"] as const)
      expect(asked(["Host", "a", ...fields, "X", "1"], { askEncoded })).toEqual([
        "Host",
        "a",
        ...fields,
        "X",
        "1",
      ]);
  });

  it.each([
    ["yes", "br, gzip"],
    ["no", "identity"],
    ["visitor", "gzip;q=0.9, deflate, br"],
  ] as const)("of a route with askEncoded: %s is %s", (askEncoded, said) => {
    const fields = ["Accept-Encoding", "gzip;q=0.9, deflate, br"];
    expect(listOf(asked(fields, { askEncoded }), "accept-encoding")).toBe(said);
  });
});
