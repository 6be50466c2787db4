import { describe, expect, it } from "vitest";
import { visitorNetwork } from "../../../protocol/http/visitor-network.ts";

describe("the network of a request", () => {
  it.each([
    ["203.0.113.7", "ipv4 203.0.113"],
    ["203.0.113.99", "ipv4 203.0.113"],
    ["::ffff:203.0.113.7", "ipv4 203.0.113"],
    ["2600:1:2:3::4", "ipv6 38.0.0.1.0.2"],
    ["2600:1:2:ffff::4", "ipv6 38.0.0.1.0.2"],
    ["198.51.100.1, 127.0.0.1", "ipv4 198.51.100"],
    ["1.2.3.4, 198.51.100.1, 127.0.0.1", "ipv4 198.51.100"],
    ["10.1.2.3, 10.0.0.1", "ipv4 10.1.2"],
    ["198.51.100.1:4711, 127.0.0.1", "ipv4 198.51.100"],
    ["[2600:1:2:3::4]:4711, 127.0.0.1", "ipv6 38.0.0.1.0.2"],
    ["127.0.0.1", undefined],
    ["10.0.0.1", undefined],
    ["::1", undefined],
    ["unknown, 127.0.0.1", undefined],
    ["", undefined],
  ])("%s is %s", (field, network) => {
    expect(visitorNetwork(["X-Forwarded-For", field])).toBe(network);
  });
});
