/** What a web server says of its own address, asked by it: RFC 9110 section 10.2.2, RFC 6265 section 5.2.3. */
import { describe, expect, it } from "vitest";
import { withVisitorsHost } from "../../../origin-side/answer/restore-host.ts";
import type { Route } from "../../../origin-side/config/route-config.ts";
import { parseUpstreamAddress } from "../../../protocol/upstream/upstream-address.ts";

interface Asked {
  readonly origin?: string;
  readonly host?: string;
  readonly proto?: string;
  readonly hostHeader?: Route["hostHeader"];
}

const seen = (name: string, value: string, asked: Asked = {}): string | undefined => {
  const { origin = "http://app.internal:8080", host = "www.example.com", proto = "https" } = asked;
  const request = { method: "GET", target: "/", fields: ["Host", host, "X-Forwarded-Proto", proto] };
  const head = { status: 302, reason: "Found", fields: ["X-A", "http://app.internal:8080/", name, value] };
  const route = {
    origin: parseUpstreamAddress(origin),
    hostHeader: asked.hostHeader ?? ({ kind: "origin" } as const),
  };
  const { fields } = withVisitorsHost(request, head, route);
  expect(fields.slice(0, 3)).toEqual(["X-A", "http://app.internal:8080/", name]);
  return fields[3];
};

describe("Location, Content-Location and Refresh", () => {
  it.each<[string, string, Asked?]>([
    ["http://app.internal:8080/a?b#c", "https://www.example.com/a?b#c"],
    ["https://APP.internal:8080/a", "https://www.example.com/a"],
    ["http://app.internal:8080", "https://www.example.com"],
    ["http://app.internal:8080?q", "https://www.example.com?q"],
    ["//app.internal:8080/a", "//www.example.com/a"],
    [
      "http://app.internal/a",
      "https://www.example.com:81/a",
      { origin: "http://app.internal", host: "www.example.com:81" },
    ],
    [
      "http://app.internal:80/a",
      "http://www.example.com/a",
      { origin: "http://app.internal:80", proto: "http" },
    ],
    ["https://app.internal/a", "https://www.example.com/a", { origin: "http://app.internal" }],
    ["http://[::1]:3000/a", "https://www.example.com/a", { origin: "http://[::1]:3000" }],
    ["http://localhost/a", "https://www.example.com/a", { origin: "unix:/run/app.sock" }],
    ["http://app.internal:8080/a", "http://www.example.com/a", { proto: "gopher" }],
    ["http://app.internal:8080/a", "https://www.example.com/a", { proto: "https, http" }],
  ])("%s becomes %s", (said, shown, asked) => {
    for (const name of ["Location", "content-location"]) expect(seen(name, said, asked)).toBe(shown);
    expect(seen("Refresh", `5; url=${said}`, asked)).toBe(`5; url=${shown}`);
    expect(seen("Refresh", `0;URL="${said}"`, asked)).toBe(`0;URL="${shown}"`);
  });

  it.each<[string, Asked?]>([
    ["/a"],
    ["a//app.internal:8080/"],
    ["http://app.internal/a"],
    ["http://app.internal:8081/a"],
    ["http://app.internal:80801/a"],
    ["http://app.internal:8080.evil.example/a"],
    ["http://user@app.internal:8080/a"],
    ["http://app.internal:8080@evil.example/a"],
    ["http://app.internal:8080\\@evil.example/a"],
    ["http://app.internal.:8080/a"],
    ["ftp://app.internal:8080/a"],
    ["https://other.example/?to=http://app.internal:8080/"],
    ["http://app.internal:8080/a", { hostHeader: { kind: "keep" } }],
    ["http://app.internal:8080/a", { hostHeader: { kind: "set", value: "app.internal:8080" } }],
  ])("%s stays", (said, asked) => {
    expect(seen("Location", said, asked)).toBe(said);
  });
});

describe("Set-Cookie", () => {
  it.each<[string, string, Asked?]>([
    ["a=b; Path=/x; Domain=app.internal; Secure", "a=b; Path=/x; Domain=www.example.com; Secure"],
    ["a=b;domain=.APP.internal", "a=b; Domain=.www.example.com"],
    ["a=b; Domain=app.internal; Secure", "a=b; Domain=shop.example; Secure", { host: "shop.example:8443" }],
    ["a=b; Domain=app.internal; Secure", "a=b; Secure", { host: "[::1]:8443" }],
    ["a=b; Domain=internal", "a=b; Domain=internal"],
    ["a=b; Domain=x.app.internal", "a=b; Domain=x.app.internal"],
    ["domain=app.internal; Path=/", "domain=app.internal; Path=/"],
    ["a=b; Domain=app.internal", "a=b; Domain=app.internal", { hostHeader: { kind: "keep" } }],
  ])("%s becomes %s", (said, shown, asked) => {
    expect(seen("Set-Cookie", said, asked)).toBe(shown);
  });
});
