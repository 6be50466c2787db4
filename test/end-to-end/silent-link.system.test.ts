/**
 * A network that goes silent under real processes, with the settings as they are: how soon it is noticed, who waits, who is refused,
 * and that nothing is asked twice that may change something. The figures are in test/RESULTS.md.
 */
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { openSite } from "../kit/changing-site.ts";
import { openRelay } from "../kit/faulty-relay.ts";
import { edgeYaml, KEY, openScene, originYaml } from "../kit/real-daemons.ts";
import { reached, until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

const EVERY_MS = 33;
/** Far below what a heartbeat of 10 s made of it (33 s), and far above the 6 s of a machine that has nothing else to do. */
const MOST_MS = 12_000;
const MOST_FAILED = 3;

it("all links go silent at once: GETs wait, none for long, a POST under way is refused in time and asked once", async () => {
  const scene = openScene();
  const site = await openSite();
  onTestFinished(() =>
    Promise.all([scene[Symbol.asyncDispose](), site[Symbol.asyncDispose]()]).then(() => {}),
  );
  const edge = await scene.start("edge-side", edgeYaml());
  const relay = await openRelay(edge.port("tunnel"));
  onTestFinished(() => relay[Symbol.asyncDispose]());
  const edges = [{ address: `127.0.0.1:${relay.port}`, key: KEY }];
  await scene.start("origin-side", originYaml(0, site.port, { edges }));
  await edge.logged("link up", 2);
  const port = edge.port("visitors");
  await visit(port, { path: "/warm" });

  const results: { readonly ms: number; readonly status: number }[] = [];
  const ask = async (asking: object): Promise<number> => {
    const from = performance.now();
    const { status } = await visit(port, asking);
    results.push({ ms: performance.now() - from, status });
    return status;
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  onTestFinished(() => resolve());
  const before = site.asked.length;
  site.hold = promise;
  const from = performance.now();
  const posted = visit(port, { method: "POST", path: "/order", body: Buffer.from("one") });
  await reached(site.asked, before + 1);
  site.hold = undefined;
  const silent = relay.connections.slice();
  for (const link of silent) link.swallow();
  const asked: Promise<number>[] = [];
  for (const end = from + 8_000; performance.now() < end; await systemClock.sleep(EVERY_MS))
    asked.push(ask({ path: `/page?${asked.length}` }));
  expect((await posted).status).toBe(502);
  const statuses = await Promise.all(asked);
  const waits = results.map(({ ms }) => ms);
  expect(statuses.filter((status) => status !== 200).length).toBeLessThanOrEqual(MOST_FAILED);
  expect(Math.max(...waits)).toBeLessThan(MOST_MS);
  expect(site.asked.filter((url) => url === "/order")).toHaveLength(1);
  await until(() => relay.connections.length >= 4, "two more links");
});
