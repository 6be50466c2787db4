import { describe, expect, it } from "vitest";
import { placeOf } from "../../../edge-side/exchange/visitor-address.ts";
import { inNetworks } from "../../../protocol/runtime/ip-address.ts";

const trusts = inNetworks([
  { address: "127.0.0.1", prefix: 32 },
  { address: "10.0.0.0", prefix: 8 },
]);
const at = (address: string, ...fields: readonly string[]) => placeOf({ address, fields }, trusts);
const ownerAt = (address: string, ...fields: readonly string[]) => at(address, ...fields)?.owner;

describe("a visitor's address", () => {
  it.each([
    ["81.2.69.7", "81.2.69.7", "ipv4 81.2.69"],
    ["2600:1:2:3:4:5:6:7", "2600:1:2:3", "9728:1"],
    ["2600:1:ffff:3:4:5:6:7", "2600:1:ffff:3", "9728:1"],
    ["::ffff:5102:4507", "81.2.69.7", "ipv4 81.2.69"],
    ["64:ff9b::81.2.69.7", "81.2.69.7", "ipv4 81.2.69"],
    ["2002:5102:4507::1", "81.2.69.7", "ipv4 81.2.69"],
  ])("is that of a peer on the Internet: %s", (address, owner, network) => {
    expect(at(address)).toEqual({ owner, network });
  });

  it.each([
    ["::1"],
    ["192.168.1.2"],
    ["::ffff:c0a8:102"],
    ["fd00::1"],
    ["100.64.0.1"],
    ["169.254.1.1"],
    [""],
  ])("is nobody's at a peer that is not listed and not on the Internet: %j", (address) => {
    expect(at(address)).toBeUndefined();
  });

  it.each(["X-Forwarded-For", "Forwarded", "via", "X-Real-IP", "CF-Connecting-IP", "X-Forwarded-Proto"])(
    "is nobody's at a peer that is not listed and forwards: %s",
    (name) => expect(at("81.2.69.7", name, "93.184.216.34")).toBeUndefined(),
  );

  it.each([
    ["one proxy's word", "81.2.69.7", "81.2.69.7"],
    ["the nearest that is no proxy itself", "6.6.6.6, 81.2.69.7, 10.0.0.3", "81.2.69.7"],
    ["with a port", "81.2.69.7:4711", "81.2.69.7"],
    ["in brackets", "[2600:1:2:3::4]:4711", "2600:1:2:3"],
    ["mapped", "::ffff:81.2.69.7", "81.2.69.7"],
    ["of a private network, which the proxy knows", "192.168.1.2", "192.168.1.2"],
    ["where all are proxies, the farthest", "10.0.0.9, 10.0.0.3", "10.0.0.9"],
    ["none in what is no address", "unknown", undefined],
    ["none behind what is no address", "81.2.69.7, unknown", undefined],
  ])("is what a listed proxy names: %s", (_, list, owner) => {
    expect(ownerAt("127.0.0.1", "X-Forwarded-For", list)).toBe(owner);
  });

  it("is what a listed proxy names by Forwarded, and none where it names another by X-Forwarded-For", () => {
    const forwarded = 'for=6.6.6.6, proto=http;For="81.2.69.7:80"';
    expect(ownerAt("127.0.0.1", "Forwarded", forwarded)).toBe("81.2.69.7");
    expect(ownerAt("127.0.0.1", "Forwarded", forwarded, "X-Forwarded-For", "81.2.69.7")).toBe("81.2.69.7");
    expect(ownerAt("127.0.0.1", "Forwarded", forwarded, "X-Forwarded-For", "6.6.6.6")).toBeUndefined();
    expect(ownerAt("127.0.0.1", "Forwarded", "proto=https")).toBeUndefined();
  });

  it("is none where a listed proxy names none", () => {
    expect(at("127.0.0.1")).toBeUndefined();
  });
});
