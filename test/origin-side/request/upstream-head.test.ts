import { describe, expect, it } from "vitest";
import { type HostHeader, parseHostHeader } from "../../../origin-side/config/route-config.ts";
import { upstreamRequest } from "../../../origin-side/request/upstream-head.ts";
import { fieldOf, listOf } from "../../../protocol/http/head.ts";

const origin = { scheme: "https", address: { host: "10.0.0.5", port: 8443 } } as const;
const KEEP: HostHeader = { kind: "keep" };

const asked = (
  fields: readonly string[],
  route: { readonly hostHeader?: HostHeader; readonly askEncoded?: boolean } = {},
  method = "GET",
) =>
  upstreamRequest({ method, target: "/", fields }, { origin, hostHeader: KEEP, askEncoded: false, ...route })
    .fields;

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

describe("If-Match", () => {
  it.each([
    ["PUT", true, 'W/"a", "b",W/"c"', '"a", "b","c"'],
    ["PUT", false, 'W/"a"', 'W/"a"'],
    ["GET", true, 'W/"a"', 'W/"a"'],
    ["DELETE", true, "*", "*"],
    ["PUT", true, '"aW/"', '"aW/"'],
  ])("of %s where tags are weakened (%s): %s becomes %s", (method, askEncoded, sent, got) => {
    const fields = asked(["Host", "a", "If-Match", sent, "If-None-Match", 'W/"n"'], { askEncoded }, method);
    expect([fieldOf(fields, "if-match"), fieldOf(fields, "if-none-match")]).toEqual([got, 'W/"n"']);
  });
});
