import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import {
  everyAddress,
  inNetworks,
  neighbourhoodOf,
  ownerOf,
  plainAddress,
} from "../../../protocol/runtime/ip-address.ts";

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:201", "::ffff:c000:201"],
  ["fe80::1%eth0", "fe80::1"],
  ["2001:db8::1", "2001:db8::1"],
  ["", ""],
])("%j is %j, plainly", (address, plain) => {
  expect(plainAddress(address)).toBe(plain);
});

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:db8::ffff:1", "2001:db8:0:0"],
  ["2001:0db8:0000:0000:1:2:3:4", "2001:db8:0:0"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8:1:2::", "2001:db8:1:2"],
  ["2001:DB8:1:2::", "2001:db8:1:2"],
  ["::1", "0:0:0:0"],
  ["::", "0:0:0:0"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0"],
  ["", ""],
])("%j is %j's", (address, owner) => {
  expect(ownerOf(address)).toBe(owner);
});

it.each([
  ["81.2.69.7", "ipv4 81.2.69"],
  ["2600:1:2:3::4", "9728:1"],
  ["2600:1:ffff::", "9728:1"],
  ["2600:2::", "9728:2"],
])("%s may be the person of %s", (address, neighbourhood) => {
  expect(neighbourhoodOf(address)).toBe(neighbourhood);
});

describe("every address of this machine", () => {
  const of = (family: "IPv4" | "IPv6", address: string) =>
    ({
      family,
      address,
      netmask: "",
      mac: "",
      internal: true,
      cidr: null,
      scopeid: 0,
    }) as NetworkInterfaceInfo;

  it.each([
    ["[::]", { lo: [of("IPv4", "127.0.0.1"), of("IPv6", "::1")] }],
    ["[::]", { lo: [of("IPv4", "127.0.0.1")], eth0: [of("IPv6", "fe80::1")] }],
    ["0.0.0.0", { lo: [of("IPv4", "127.0.0.1")], eth0: [of("IPv4", "192.0.2.7")] }],
    ["0.0.0.0", {}],
  ])("is %s with the interfaces %j", (every, interfaces) => {
    expect(everyAddress(interfaces)).toBe(every);
  });
});

describe("networks", () => {
  const within = (...networks: string[]) =>
    inNetworks(
      networks.map((each) => {
        const [address = "", prefix = ""] = each.split("/");
        return { address, prefix: Number(prefix) };
      }),
    );

  it.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["192.0.2.1/32", "192.0.2.1", true],
    ["192.0.2.1/32", "192.0.2.2", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
    ["10.0.0.0/8", "", false],
  ])("%s has %j: %s", (network, address, has) => {
    expect(within(network)(address)).toBe(has);
    expect(within("198.51.100.0/24", network)(address)).toBe(has);
  });

  it("that are none have no address", () => {
    expect(within()("127.0.0.1")).toBe(false);
  });
});
