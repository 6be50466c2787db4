/**
 * An edge that is killed and started anew on its ports, with the times as they are by default: a visitor who asks as soon as it listens waits
 * for the link and is answered. COILGUN_FIGURES=1 prints how
 * soon; the figures are in test/RESULTS.md.
 */
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { openSite } from "../kit/changing-site.ts";
import { freePort } from "../kit/fake-origin.ts";
import { edgeYaml, KEY, openScene, originYaml } from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

const FIGURES = process.env.COILGUN_FIGURES !== undefined;
const ROUNDS = FIGURES ? 5 : 1;
/** A link that lived so long was a good one, after which pauses between dials are short. */
const GOOD_MS = 2_000;

it("the first request after it listens waits for the link, and is answered", async () => {
  const scene = openScene();
  const site = await openSite();
  onTestFinished(() => Promise.all([scene, site].map((each) => each[Symbol.asyncDispose]())).then(() => {}));
  const [visitors, tunnel] = [await freePort(), await freePort()];
  const settings = edgeYaml({ visitors: `127.0.0.1:${visitors}`, tunnel: `127.0.0.1:${tunnel}` });
  const edges = [{ address: `127.0.0.1:${tunnel}`, key: KEY }];
  let edge = await scene.start("edge-side", settings);
  const origin = await scene.start("origin-side", originYaml(0, site.port, { edges, redial: {} }));
  for (let round = 1; round <= ROUNDS; round++) {
    await origin.logged("link up", 2 * round);
    if (FIGURES) await systemClock.sleep(GOOD_MS);
    await edge.kill();
    const started = performance.now();
    edge = await scene.start("edge-side", settings);
    const listens = performance.now();
    const { status } = await visit(visitors);
    const [startMs, linkMs] = [listens - started, performance.now() - listens].map(Math.round);
    if (FIGURES) console.log(`listens after ${startMs} ms, answers ${linkMs} ms later`);
    expect(status).toBe(200);
  }
});
