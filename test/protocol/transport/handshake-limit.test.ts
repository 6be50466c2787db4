import { describe, expect, it } from "vitest";
import { HandshakeLimit } from "../../../protocol/transport/handshake-limit.ts";

const taken = (places: HandshakeLimit, addresses: readonly string[]) =>
  addresses.map((address) => places.take(address) !== undefined);

describe("places for the unproved", () => {
  it("are so many per address, and others are not kept out", () => {
    const places = new HandshakeLimit({ perAddress: 2, inAll: 100 });
    expect(taken(places, ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"])).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it("are so many in all", () => {
    const places = new HandshakeLimit({ perAddress: 2, inAll: 3 });
    const addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    expect(taken(places, addresses)).toEqual([true, true, true, false]);
  });

  it("come back once, however often they are given back", () => {
    const places = new HandshakeLimit({ perAddress: 1, inAll: 2 });
    const giveBack = places.take("192.0.2.1");
    giveBack?.();
    giveBack?.();
    expect(taken(places, ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"])).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it.each([
    { one: "2001:db8:1:2::1", two: "2001:db8:1:2:ffff::9", same: true },
    { one: "2001:db8:1:2:3:4:5:6", two: "2001:db8:1:2::", same: true },
    { one: "2001:db8:1:2::1", two: "2001:db8:1:3::1", same: false },
    { one: "::1", two: "::2", same: true },
    { one: "2001:db8::1", two: "2001:db8:0:0:9::", same: true },
    { one: "2001:db8::1", two: "2001:db8:0:1::1", same: false },
  ])("of IPv6 count for a /64: $one and $two", ({ one, two, same }) => {
    const places = new HandshakeLimit({ perAddress: 1, inAll: 100 });
    expect(taken(places, [one, two])).toEqual([true, !same]);
  });
});
