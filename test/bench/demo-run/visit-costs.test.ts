/** bench/demo-run/visit-costs.ts: each page gets the figures of its own visit. */
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { COSTS_KEPT, VisitCosts } from "../../../bench/demo-run/visit-costs.ts";

const page = (requestId: string, target: string, text: string) => ({
  kind: "article" as const,
  target,
  requestId,
  body: Buffer.from(text.repeat(1000)),
});

const crossed = (target: string, pageBytes: number, answerBytes: number) => ({
  edge: { target, status: 200, answer: "delta" as const, pageBytes, answerBytes },
  origin: undefined,
});

it("joins what the site sent with what the link carried, by target and size", async () => {
  const costs = new VisitCosts();
  const [one, two, other] = [
    page("1", "/a", "one "),
    page("2", "/a", "two, longer "),
    page("3", "/b", "one "),
  ];
  for (const each of [one, two, other]) costs.served(each);
  const asked = costs.of("2");
  costs.crossed(crossed("/b", other.body.length, 30));
  costs.crossed(crossed("/a", two.body.length, 20));
  costs.crossed(crossed("/a", one.body.length, 10));
  expect(await asked).toEqual({
    rawBytes: two.body.length,
    gzipBytes: gzipSync(two.body, { level: 6 }).length,
    coilgunBytes: 20,
    answer: "delta",
  });
  expect((await costs.of("1"))?.coilgunBytes).toBe(10);
  expect((await costs.of("3"))?.coilgunBytes).toBe(30);
});

it("gives two visits alike their figures in turn", async () => {
  const costs = new VisitCosts();
  for (const id of ["1", "2"]) costs.served(page(id, "/a", "same "));
  for (const answerBytes of [500, 50]) costs.crossed(crossed("/a", 5000, answerBytes));
  expect((await costs.of("1"))?.coilgunBytes).toBe(500);
  expect((await costs.of("2"))?.coilgunBytes).toBe(50);
});

it("knows nothing of pages that it never saw, and forgets the oldest", async () => {
  const costs = new VisitCosts();
  for (let n = 0; n <= COSTS_KEPT; n++) costs.served(page(String(n), "/a", "x"));
  expect(await costs.of("0")).toBeUndefined();
  expect(await costs.of("unknown")).toBeUndefined();
});
