import { describe, expect, it } from "vitest";
import { crumbsTable } from "../../../bench/pair/crumbs.ts";
import { chunkedCrumbs, crumbsOf } from "../../../bench/pair/crumbs-body.ts";
import { framedCrumbs } from "../../../bench/pair/crumbs-http2.ts";
import { bodyIn } from "../../../bench/pair/crumbs-visit.ts";

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("a body in pieces of one byte", () => {
  it("is as many chunks as it has bytes, and the last one", () => {
    expect(chunkedCrumbs(crumbsOf(3)).toString()).toBe("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
  });

  it("is as many DATA frames as it has bytes, the last one with END_STREAM", () => {
    const frames = framedCrumbs(crumbsOf(3)).toString("hex");
    expect(frames).toBe("00000100000000000161" + "00000100000000000162" + "00000100010000000163");
  });

  it("is read from a response as it was", () => {
    const body = crumbsOf(500);
    expect(bodyIn(Buffer.concat([Buffer.from(HEAD), chunkedCrumbs(body)]))).toEqual(body);
  });

  it.each([
    ["has no last chunk", `${HEAD}1\r\na\r\n`],
    ["is another status", "HTTP/1.1 502 Bad Gateway\r\n\r\n"],
    ["has no head", "HTTP/1.1 200 OK\r\n"],
  ])("is none where the response %s", (_, response) => {
    expect(() => bodyIn(Buffer.from(response))).toThrow();
  });
});

it("the table sets this checkout's CPU in relation to that one's", () => {
  const row = { name: "POST", seconds: 1, longestWaitMs: 5, edgePeakBytes: 0, originPeakBytes: 0 };
  const table = crumbsTable([
    { ...row, side: "this", edgeCpuMs: 100, originCpuMs: 50 },
    { ...row, side: "that", edgeCpuMs: 1_000, originCpuMs: 1_000 },
  ]);
  expect(table).toContain("100.00 (0.10)");
  expect(table).toContain("50.00 (0.05)");
});
