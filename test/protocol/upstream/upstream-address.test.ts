import { describe, expect, it } from "vitest";
import { UnitError } from "../../../protocol/config/units.ts";
import {
  authorityOf,
  isOnThisMachine,
  LONGEST_SOCKET_PATH,
  parseUpstreamAddress,
  printUpstreamAddress,
} from "../../../protocol/upstream/upstream-address.ts";

describe("a web server's address", () => {
  it.each([
    ["http://127.0.0.1:3000", "http://127.0.0.1:3000", "127.0.0.1:3000", true],
    ["http://App", "http://app:80", "app", false],
    ["HTTP://[::1]:8080/", "http://[::1]:8080", "[::1]:8080", true],
    ["https://app", "https://app:443", "app", false],
    ["https://app:80", "https://app:80", "app:80", false],
    ["https://127.0.0.1", "https://127.0.0.1:443", "127.0.0.1", true],
    ["unix:/run/app.sock", "unix:/run/app.sock", "localhost", true],
    ["unix:///run/app.sock", "unix:/run/app.sock", "localhost", true],
  ])("%s is %s, called %s", (text, printed, authority, near) => {
    const server = parseUpstreamAddress(text);
    expect(printUpstreamAddress(server)).toBe(printed);
    expect(parseUpstreamAddress(printed)).toEqual(server);
    expect(authorityOf(server)).toBe(authority);
    expect(isOnThisMachine(server)).toBe(near);
  });

  it.each([
    "",
    "app:80",
    "ftp://app",
    "http:app",
    "http://",
    "https://",
    "http://app/x",
    "http://app?x",
    "http://u:p@app",
    "http://app:99999",
    "unix:",
    "unix:app.sock",
    "unix://host/app.sock",
  ])("%j is refused", (text) => {
    expect(() => parseUpstreamAddress(text)).toThrow(UnitError);
  });

  it("takes a socket's path up to what the kernel takes", () => {
    const longest = `/${"s".repeat(LONGEST_SOCKET_PATH - 1)}`;
    expect(parseUpstreamAddress(`unix:${longest}`)).toEqual({ scheme: "unix", path: longest });
    expect(() => parseUpstreamAddress(`unix:${longest}s`)).toThrow(UnitError);
  });
});
