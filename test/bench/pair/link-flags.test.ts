/** bench/pair/link-flags.ts: an emulated link as people write it, and its limits. */
import { describe, expect, it } from "vitest";
import { parseBuffer, parseRate, parseRtt, printLink } from "../../../bench/pair/link-flags.ts";

describe("the link's flags", () => {
  it.each([
    ["10mbit", 1_250_000],
    ["10 Mbit", 1_250_000],
    ["1.5mbit", 187_500],
    ["1kbit", 125],
    ["1gbit", 125_000_000],
    ["unlimited", null],
  ])("rate %s is %s bytes a second", (text, bytes) => {
    expect(parseRate(text)).toBe(bytes);
  });

  it.each(["10", "10mb", "0mbit", "999", "0.9kbit", "1.1gbit", "-1mbit", "mbit", "", "1e3kbit"])(
    "refuses the rate %s and says what to write",
    (text) => {
      expect(() => parseRate(text)).toThrow("must be a rate such as 10mbit, 1kbit to 1gbit, or unlimited.");
    },
  );

  it.each([
    [parseRtt, "0ms", 0],
    [parseRtt, "10s", 10_000],
    [parseBuffer, "0 B", 0],
    [parseBuffer, "256 MiB", 2 ** 28],
  ])("takes the limits: %# %s", (parse, text, value) => {
    expect(parse(text)).toBe(value);
  });

  it.each([
    [parseRtt, "10001ms", "at most 10s"],
    [parseRtt, "100", "is not a time"],
    [parseBuffer, "257 MiB", "at most 256 MiB"],
    [parseBuffer, "4MB", "is not a size"],
  ])("refuses what is beyond them: %# %s", (parse, text, told) => {
    expect(() => parse(text)).toThrow(told);
  });

  it("prints a link", () => {
    expect(printLink({ rttMs: 100, bytesPerSecond: 1_250_000 })).toBe(
      "100 ms round trip, 10 Mbit/s each way",
    );
    expect(printLink({ rttMs: 5, bytesPerSecond: null })).toBe("5 ms round trip, no limit of rate");
  });
});
