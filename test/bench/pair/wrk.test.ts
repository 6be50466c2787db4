// bench/pair/wrk.ts: what wrk prints, read right; what it is asked for.
import { expect, it } from "vitest";
import { readWrk, wholeSeconds, wrkArguments } from "../../../bench/pair/wrk.ts";

const printed = (...between: readonly string[]) =>
  [
    "Running 3s test @ http://127.0.0.1:40871/steady-10k",
    "  1 threads and 32 connections",
    "  Thread Stats   Avg      Stdev     Max   +/- Stdev",
    "    Latency    12.16ms    3.58ms  61.27ms   90.67%",
    "    Req/Sec     2.65k   301.52     3.10k    73.33%",
    "  7915 requests in 3.01s, 80.77MB read",
    ...between,
    "Requests/sec:   2633.12",
    "Transfer/sec:     26.87MB",
    "",
  ].join("\n");

it.each([
  { name: "no failure", lines: [], errors: 0 },
  { name: "bad statuses", lines: ["  Non-2xx or 3xx responses: 7915"], errors: 7_915 },
  {
    name: "bad statuses and sockets",
    lines: ["  Socket errors: connect 1, read 20, write 300, timeout 4000", "  Non-2xx or 3xx responses: 5"],
    errors: 4_326,
  },
])("reads $name", ({ lines, errors }) => {
  expect(readWrk(printed(...lines))).toEqual({ requests: 7_915, requestsPerSecond: 2_633.12, errors });
});

it.each(["", "unable to connect to 127.0.0.1:1 Connection refused\n", "Requests/sec:   2633.12\n"])(
  "finds no figures in %j",
  (out) => {
    expect(() => readWrk(out)).toThrow("no figures of wrk");
  },
);

it("asks as a visitor of the pair's host does, in whole seconds", () => {
  const volley = {
    address: "127.0.0.1:8080",
    path: "/steady-10k",
    encodings: "gzip, deflate, br, zstd",
    connections: 32,
    seconds: 0.2,
  } as const;
  const words = wrkArguments(volley);
  expect(words.at(-1)).toBe("http://127.0.0.1:8080/steady-10k");
  expect(words.join(" ")).toContain("--threads 1 --connections 32 --duration 1s");
  expect(words).toContain("Host: pair.test");
  expect(words).toContain("Accept-Encoding: gzip, deflate, br, zstd");
  expect(wrkArguments({ ...volley, encodings: "none" }).join(" ")).not.toContain("Accept-Encoding");
});

it.each([
  [0.05, 1],
  [1, 1],
  [2.6, 3],
])("makes %d seconds %d", (seconds, whole) => {
  expect(wholeSeconds(seconds)).toBe(whole);
});
