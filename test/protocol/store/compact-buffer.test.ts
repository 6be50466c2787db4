import { describe, expect, it } from "vitest";
import { joined } from "../../../protocol/store/compact-buffer.ts";

const whole = Buffer.from("abcdef");

describe("pieces that become one", () => {
  it.each([
    ["none", [], ""],
    ["one", [whole], "abcdef"],
    ["behind each other", [whole.subarray(0, 2), whole.subarray(2)], "abcdef"],
    ["with a gap", [whole.subarray(0, 2), whole.subarray(3)], "abdef"],
    ["the other way round", [whole.subarray(2), whole.subarray(0, 2)], "cdefab"],
    ["of two buffers", [whole.subarray(0, 2), Buffer.from("xy")], "abxy"],
  ])("%s", (_, pieces, text) => {
    expect(joined(pieces).toString()).toBe(text);
  });

  it("are not copied where they are behind each other", () => {
    expect(joined([whole.subarray(0, 2), whole.subarray(2)]).buffer).toBe(whole.buffer);
  });
});
