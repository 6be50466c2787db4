import { describe, expect, it } from "vitest";
import {
  HIGHEST_PORT,
  isLoopback,
  LONGEST_HOST_NAME,
  LONGEST_MS,
  parseHostName,
  parseHostPort,
  parseMoment,
  parseNetwork,
  parseSize,
  parseTime,
  printHostPort,
  UnitError,
} from "../../../protocol/config/units.ts";

describe("sizes", () => {
  it.each([
    ["0 B", 0],
    ["1 B", 1],
    ["64KiB", 65_536],
    ["256 MiB", 268_435_456],
    ["1.5 GiB", 1_610_612_736],
    ["2 TiB", 2 ** 41],
    ["8191.9990234375 TiB", 2 ** 53 - 2 ** 30],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    "",
    "256",
    "256 MB",
    "256 mib",
    "-1 MiB",
    "1e3 B",
    "MiB",
    "1 MiB 2",
    "1  MiB",
    "0.5 B",
    "8192 TiB",
    "9 constructor",
  ])("refuses %j", (text) => {
    expect(() => parseSize(text)).toThrow(UnitError);
  });
});

describe("times", () => {
  it.each([
    ["0s", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5 s", 1_500],
    ["1.1s", 1_100],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["24d", 2_073_600_000],
    [`${LONGEST_MS}ms`, LONGEST_MS],
  ])("%s is %d ms", (text, ms) => {
    expect(parseTime(text)).toBe(ms);
  });

  it.each(["", "30", "30 sec", "1m30s", "-1s", "0.5ms", "25d", `${LONGEST_MS + 1}ms`])(
    "refuses %j",
    (text) => {
      expect(() => parseTime(text)).toThrow(UnitError);
    },
  );
});

describe("addresses", () => {
  it.each([
    ["0.0.0.0:8080", "0.0.0.0", 8080],
    ["localhost:0", "localhost", 0],
    ["[::1]:443", "::1", 443],
    ["[2001:DB8::7]:1", "2001:db8::7", 1],
    ["Edge.Example.COM.:65535", "edge.example.com", HIGHEST_PORT],
  ])("%s is host %s, port %d, and prints as what reads back", (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
    expect(parseHostPort(printHostPort({ host, port }))).toEqual({ host, port });
  });

  it("takes the port that goes without saying", () => {
    expect(parseHostPort("edge.example.com", 7443)).toEqual({ host: "edge.example.com", port: 7443 });
    expect(parseHostPort("[::1]", 7443)).toEqual({ host: "::1", port: 7443 });
  });

  it.each([
    "",
    ":8080",
    "0.0.0.0",
    "a:65536",
    "a:b",
    "::1:80",
    "[::1]",
    "[127.0.0.1]:1",
    "[]:1",
    "http://a:1",
    "a:1/b",
    "a b:1",
  ])("refuses %j", (text) => {
    expect(() => parseHostPort(text)).toThrow(UnitError);
  });

  it.each(["localhost", "127.0.0.1", "127.255.0.3", "::1", "[::1]"])("%s stays on this machine", (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(["0.0.0.0", "::", "10.0.0.1", "127.example.com", "localhost.example.com", ""])(
    "%j may not",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe("host names", () => {
  const labels = (bytes: number) => `${"a".repeat(63)}.`.repeat(4).slice(0, bytes);

  it.each([
    ["WWW.Example.COM", "www.example.com"],
    ["example.com.", "example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["my_app", "my_app"],
    ["10.0.0.1", "10.0.0.1"],
    ["[::1]", "[::1]"],
    [labels(LONGEST_HOST_NAME), labels(LONGEST_HOST_NAME)],
  ])("%s travels as %s", (text, name) => {
    expect(parseHostName(text)).toBe(name);
  });

  it.each([
    "",
    ".",
    "a..b",
    "-a.b",
    "a-.b",
    "a b",
    "*.example.com",
    "http://a.b",
    "a.b:80",
    "a.b/c",
    "256.1.1.1",
    "0x7f.1",
    "a.0x7f",
    "[::1",
    labels(LONGEST_HOST_NAME - 1).concat("aa"),
    `${"a".repeat(64)}.b`,
  ])("refuses %j", (text) => {
    expect(() => parseHostName(text)).toThrow(UnitError);
  });
});

describe("networks", () => {
  it.each([
    ["10.0.0.0/8", { address: "10.0.0.0", family: "ipv4", prefix: 8 }],
    ["192.0.2.1", { address: "192.0.2.1", family: "ipv4", prefix: 32 }],
    ["0.0.0.0/0", { address: "0.0.0.0", family: "ipv4", prefix: 0 }],
    ["2001:DB8::/32", { address: "2001:db8::", family: "ipv6", prefix: 32 }],
    ["::1", { address: "::1", family: "ipv6", prefix: 128 }],
  ] as const)("reads %s", (text, network) => {
    expect(parseNetwork(text)).toEqual(network);
  });

  it.each([
    "",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "example.com",
    "10.0.0/8",
    "fe80::1%eth0/64",
    "1.2.3.4/-1",
  ])("refuses %j", (text) => {
    expect(() => parseNetwork(text)).toThrow(UnitError);
  });
});

describe("moments", () => {
  it.each([
    ["2030-01-31T12:00:00Z", Date.UTC(2030, 0, 31, 12)],
    ["2032-02-29T12:00+01:00", Date.UTC(2032, 1, 29, 11)],
  ])("%s is one", (text, ms) => {
    expect(parseMoment(text)).toBe(ms);
  });

  it.each([
    "2030-02-31T12:00:00Z",
    "2030-02-29T12:00:00Z",
    "2030-13-01T12:00:00Z",
    "2030-00-10T12:00:00Z",
    "2030-01-31",
  ])("%s is none", (text) => {
    expect(() => parseMoment(text)).toThrow(UnitError);
  });
});
