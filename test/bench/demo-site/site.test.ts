/** bench/demo-site/site.ts: serves its pages over HTTP and knows afterwards what it sent. */
import { afterEach, expect, it } from "vitest";
import { COST_PATH, type VisitCost } from "../../../bench/demo-site/about.ts";
import { BODIES_KEPT, type DemoSite, type ServedPage, startDemoSite } from "../../../bench/demo-site/site.ts";
import { visitorOf } from "../../../bench/rig/visitor.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(
  onPage?: (page: ServedPage) => void,
  costOf?: (requestId: string) => Promise<VisitCost | undefined>,
) {
  const site: DemoSite = await startDemoSite({
    seed: 1,
    moment: () => 0,
    ...(onPage === undefined ? {} : { onPage }),
    ...(costOf === undefined ? {} : { costOf }),
  });
  const visitor = visitorOf(site.address, systemClock);
  opened.push(
    () => site.close(),
    () => visitor.close(),
  );
  const get = (path: string, cookie?: string) =>
    visitor.visit({ host: "localhost", path, contentType: "text/html", cookie });
  return { site, get };
}

it("keeps what it sent under the response's request id, and tells of it", async () => {
  const told: ServedPage[] = [];
  const { site, get } = await start((page) => told.push(page));
  const page = await get("/");
  const id = String(page.headers["x-request-id"]);
  expect(page.status).toBe(200);
  expect(site.bodyOf(id)?.equals(page.body)).toBe(true);
  expect(told.map(({ kind, requestId }) => ({ kind, requestId }))).toEqual([
    { kind: "front page", requestId: id },
  ]);
});

it("forgets the oldest body, and only that, when one more than it keeps was sent", async () => {
  const { site, get } = await start();
  const ids: string[] = [];
  for (let count = 0; count <= BODIES_KEPT; count += 1) {
    ids.push(String((await get("/api/departures")).headers["x-request-id"]));
  }
  expect(site.bodyOf(ids[0] ?? "")).toBeUndefined();
  expect(site.bodyOf(ids[1] ?? "")).toBeDefined();
});

it("gives a session to a visitor of the account page who has none, and no other", async () => {
  const { get } = await start();
  expect((await get("/account")).headers["set-cookie"]?.[0]).toMatch(/^session=[0-9a-f]{32}; /);
  expect((await get("/account", "session=abc")).headers["set-cookie"]).toBeUndefined();
  expect((await get("/account", "session=abc")).headers["cache-control"]).toContain("private");
  expect((await get("/")).headers["set-cookie"]).toBeUndefined();
});

it("has no page at other paths", async () => {
  const { get } = await start();
  expect((await get("/favicon.ico")).status).toBe(404);
});

it("tells what a visit took to the page that asks, and nothing where nobody knows", async () => {
  const cost: VisitCost = { rawBytes: 30_000, gzipBytes: 9_000, coilgunBytes: 300, answer: "delta" };
  const { get } = await start(undefined, async (id) => (id === "abc" ? cost : undefined));
  const known = await get(`${COST_PATH}abc`);
  expect(JSON.parse(known.body.toString())).toEqual(cost);
  expect(known.headers["cache-control"]).toBe("no-store");
  expect((await get(`${COST_PATH}other`)).status).toBe(204);
  expect((await (await start()).get(`${COST_PATH}abc`)).status).toBe(204);
});

it("says beside an article what Coilgun is", async () => {
  const { get } = await start();
  const front = (await get("/")).body.toString();
  const [, path = ""] = /href="(\/news\/[^"]+)"/.exec(front) ?? [];
  for (const text of [front, (await get(path)).body.toString()]) {
    expect(text).toContain("This page came through Coilgun");
    for (const name of ["raw", "gzip", "coilgun"]) expect(text).toContain(`data-cost="${name}"`);
  }
});
