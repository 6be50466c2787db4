/** Headers of the PROXY protocol, byte by byte: what they say, and which are none. */
import { describe, expect, it } from "vitest";
import { MOST_V2_BYTES, readProxyHeader } from "../../../../edge-side/http/parser/proxy-header.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const hex = (text: string) => Buffer.from(SIGNATURE + text.replaceAll(" ", ""), "hex");
const TCP4 = "c6336407 0a000001 d431 01bb"; // 198.51.100.7, 10.0.0.1, ports 54321 and 443
const TCP6 = "20010db8000000000000000000000007 00000000000000000000000000000001 d431 01bb";
const TLV = "04 0003 000000"; // PP2_TYPE_NOOP

const GOOD: readonly (readonly [string, Buffer, string | undefined])[] = [
  ["1, TCP4", Buffer.from("PROXY TCP4 198.51.100.7 10.0.0.1 54321 443\r\n"), "198.51.100.7"],
  ["1, TCP6", Buffer.from("PROXY TCP6 2001:DB8:0:0::7 ::1 54321 443\r\n"), "2001:db8::7"],
  ["1, a mapped address", Buffer.from("PROXY TCP6 ::ffff:198.51.100.7 ::1 1 443\r\n"), "198.51.100.7"],
  ["1, UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n"), undefined],
  ["1, UNKNOWN and something", Buffer.from("PROXY UNKNOWN ff:ff 1 2\r\n"), undefined],
  ["2, TCP4", hex(`21 11 000c ${TCP4}`), "198.51.100.7"],
  ["2, TCP4 and TLV", hex(`21 11 0012 ${TCP4} ${TLV}`), "198.51.100.7"],
  ["2, TCP6", hex(`21 21 0024 ${TCP6}`), "2001:db8::7"],
  ["2, LOCAL", hex("20 00 0000"), undefined],
  ["2, LOCAL with an address", hex(`20 11 000c ${TCP4}`), undefined],
  ["2, of what is not said", hex(`21 00 0006 ${TLV}`), undefined],
  ["2, a unix socket", hex(`21 31 00d8 ${"00".repeat(216)}`), undefined],
];

describe("a header of version", () => {
  it.each(GOOD)("%s is read as soon as it is there, and no byte behind it", (_, header, address) => {
    const read = { kind: "read", bytes: header.length, address };
    for (let cut = 0; cut < header.length; cut++)
      expect(readProxyHeader(header.subarray(0, cut)), `cut at ${cut}`).toEqual({ kind: "more" });
    expect(readProxyHeader(header)).toEqual(read);
    expect(readProxyHeader(Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n\r\n")]))).toEqual(read);
  });

  it("1 has 107 bytes at most", () => {
    const longest = `PROXY UNKNOWN ${"f".repeat(107 - 16)}`;
    expect(readProxyHeader(Buffer.from(`${longest}\r\n`))).toMatchObject({ kind: "read", bytes: 107 });
    expect(readProxyHeader(Buffer.from(`${longest}f\r\n`))).toMatchObject({ kind: "bad" });
  });

  it("2 has a bound", () => {
    const length = (bytes: number) => bytes.toString(16).padStart(4, "0");
    expect(readProxyHeader(hex(`20 00 ${length(MOST_V2_BYTES)}`))).toEqual({ kind: "more" });
    expect(readProxyHeader(hex(`20 00 ${length(MOST_V2_BYTES + 1)}`))).toMatchObject({ kind: "bad" });
  });
});

describe("no header is", () => {
  it.each([
    "GET / HTTP/1.1\r\n",
    "PROXY TCP4 198.51.100.7 10.0.0.1 54321\r\n",
    "PROXY TCP4 198.51.100.7  10.0.0.1 54321 443\r\n",
    "PROXY TCP4 198.51.100.256 10.0.0.1 54321 443\r\n",
    "PROXY TCP4 ::1 ::1 54321 443\r\n",
    "PROXY TCP6 fe80::1%eth0 ::1 54321 443\r\n",
    "PROXY TCP4 198.51.100.7 10.0.0.1 65536 443\r\n",
    "PROXY TCP4 198.51.100.7 10.0.0.1 054321 443\r\n",
    "PROXY UDP4 198.51.100.7 10.0.0.1 54321 443\r\n",
    "proxy TCP4 198.51.100.7 10.0.0.1 54321 443\r\n",
    "\x16\x03\x01",
  ])("%j", (text) => expect(readProxyHeader(Buffer.from(text, "latin1"))).toMatchObject({ kind: "bad" }));

  it.each([
    ["version 1 in the form of 2", `11 11 000c ${TCP4}`],
    ["another command", `22 11 000c ${TCP4}`],
    ["UDP", `21 12 000c ${TCP4}`],
    ["addresses cut short", `21 11 000b ${TCP4}`],
    ["addresses of IPv6 cut short", `21 21 000c ${TCP4}`],
  ])("%s", (_, text) => expect(readProxyHeader(hex(text))).toMatchObject({ kind: "bad" }));
});
