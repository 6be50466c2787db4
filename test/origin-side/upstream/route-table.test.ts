import { describe, expect, it } from "vitest";
import { parseHostHeader } from "../../../origin-side/config/route-config.ts";
import { RouteTable } from "../../../origin-side/upstream/route-table.ts";
import { parsePathPrefix } from "../../../protocol/config/path-prefix.ts";
import { UnitError } from "../../../protocol/config/units.ts";

const routes = [
  "a.example/",
  "a.example/api",
  "a.example/api/v2",
  "b.example/only",
  "*/",
  "*/health",
  "*.c.example/",
  "*.d.c.example/x",
];
const table = new RouteTable(
  routes.map((name) => {
    const slash = name.indexOf("/");
    return { name, route: { host: name.slice(0, slash), path: name.slice(slash) } };
  }),
);

describe("the route of a request", () => {
  it.each([
    ["a.example", "/", "a.example/"],
    ["a.example", "/page?x=/api", "a.example/"],
    ["a.example", "/api", "a.example/api"],
    ["a.example", "/api?x", "a.example/api"],
    ["a.example", "/api/", "a.example/api"],
    ["a.example", "/api/x/v2", "a.example/api"],
    ["a.example", "/apix", "a.example/"],
    ["a.example", "/API", "a.example/"],
    ["a.example", "/api/v2", "a.example/api/v2"],
    ["a.example", "/api/v2/x", "a.example/api/v2"],
    ["a.example", "/api/v20", "a.example/api"],
    ["a.example", "//api", "a.example/"],
    ["a.example", "/%61pi", "a.example/"],
    ["a.example", "/x/../api", "a.example/"],
    ["a.example", "*", "a.example/"],
    ["a.example", "http://a.example/api/x", "a.example/api"],
    ["a.example", "http://a.example", "a.example/"],
    ["A.Example:8080", "/api", "a.example/api"],
    ["a.example.", "/api", "a.example/api"],
    ["b.example", "/only/x", "b.example/only"],
    ["b.example", "/other", "*/"],
    ["c.example", "/health/x", "*/health"],
    ["", "/", "*/"],
    ["a.c.example", "/health", "*.c.example/"],
    ["a.d.c.example", "/x", "*.d.c.example/x"],
    ["a.d.c.example", "/y", "*.c.example/"],
  ])("%s %s goes to %s", (host, target, name) => {
    expect(table.find(host, target)?.name).toBe(name);
  });

  it("is none where nothing fits", () => {
    const strict = new RouteTable([{ route: { host: "b.example", path: "/only" } }]);
    expect(strict.find("b.example", "/on")).toBeUndefined();
    expect(strict.find("*", "/only")).toBeUndefined();
    expect(strict.all).toHaveLength(1);
  });
});

describe("the path of a route", () => {
  it.each([
    ["/", "/"],
    ["/api", "/api"],
    ["/api//", "/api"],
    [" /a%20b ", "/a%20b"],
  ])("%j is %j", (text, path) => expect(parsePathPrefix(text)).toBe(path));

  it.each(["", "api", "/a?b", "/a#b", "/a*", "/a b", "/ä"])("%j is refused", (text) => {
    expect(() => parsePathPrefix(text)).toThrow(UnitError);
  });
});

describe("the Host that a web server sees", () => {
  it.each([
    ["keep", { kind: "keep" }],
    ["origin", { kind: "origin" }],
    ["Inner.example.com", { kind: "set", value: "inner.example.com" }],
    ["inner.example.com:8080", { kind: "set", value: "inner.example.com:8080" }],
  ])("%s", (text, header) => expect(parseHostHeader(text)).toEqual(header));
});
