/** Real daemons over a real link, restarted and told to stop: pages keep flowing, or end in order. */

import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
import { freePort } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import {
  edgeYaml,
  openScene,
  originYaml,
  type RealDaemon,
  type Scene,
  type Settings,
} from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

let scene: Scene;
let site: ChangingSite;
beforeEach(async () => {
  scene = openScene();
  site = await openSite();
  return async () => {
    await scene[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
  };
});

interface Pair {
  readonly edge: RealDaemon;
  readonly origin: RealDaemon;
}

const startPair = async ({ edge: ofEdge, origin: ofOrigin }: { edge?: Settings; origin?: Settings } = {}) => {
  // Both at once, as starting is what takes the time here: the origin side dials until the edge is there.
  const tunnel = await freePort();
  const [edge, origin] = await Promise.all([
    scene.start("edge-side", edgeYaml({ tunnel: `127.0.0.1:${tunnel}`, ...ofEdge })),
    scene.start("origin-side", originYaml(tunnel, site.port, ofOrigin)),
  ]);
  await edge.logged("link up");
  return { edge, origin } satisfies Pair;
};

/** For an edge whose link is gone: a visit need not wait for the next as long as people would. */
const HASTY = { link: "100ms" };

/** The edge's answers to visits of one URL, one after the other; `from` is the number of the first access line. */
const answers = async (edge: RealDaemon, visits: number, from = 1): Promise<unknown[]> => {
  const found: unknown[] = [];
  for (let n = 0; n < visits; n++) {
    await visitPage(site, edge.port("visitors"), { path: "/news" });
    found.push((await edge.access(from + n)).answer);
  }
  return found;
};

/** Makes the site hold its answers back until the returned function is called. */
const holdAnswers = (): (() => void) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  site.hold = promise;
  onTestFinished(() => resolve());
  return resolve;
};

describe("a daemon that was killed and started again", () => {
  it("at the edge: the origin side comes back, the first answer is whole, then deltas", async () => {
    const { edge, origin } = await startPair();
    expect(await answers(edge, 3)).toEqual(["whole", "delta", "delta"]);
    const [visitors, tunnel] = [edge.port("visitors"), edge.port("tunnel")];
    await edge.kill();
    await origin.logged("link down");
    await expect(visit(visitors)).rejects.toThrow("ECONNREFUSED");

    const again = await scene.start(
      "edge-side",
      edgeYaml({ visitors: `127.0.0.1:${visitors}`, tunnel: `127.0.0.1:${tunnel}` }),
    );
    await again.logged("link up");
    expect(await answers(again, 3)).toEqual(["whole", "delta", "delta"]);
  });

  it("beside the web server: 503 until it is back, then the first answer is whole, then deltas", async () => {
    const { edge, origin } = await startPair({ edge: { times: HASTY } });
    expect(await answers(edge, 2)).toEqual(["whole", "delta"]);
    await origin.kill();
    await edge.logged("link down");
    const down = await visit(edge.port("visitors"));
    expect([down.status, down.headers["retry-after"]]).toEqual([503, "5"]);

    await scene.start("origin-side", originYaml(edge.port("tunnel"), site.port));
    await edge.logged("link up", 2);
    expect(await answers(edge, 3, 4)).toEqual(["whole", "delta", "delta"]);
  });
});

describe("SIGTERM while a slow request runs", () => {
  it.each(["edge", "origin"] as const)("to the %s side: it completes, then code 0", async (side) => {
    const pair = await startPair();
    const release = holdAnswers();
    const slow = visit(pair.edge.port("visitors"));
    await site.askedReach(1);
    pair[side].signal("SIGTERM");
    await pair[side].logged("stopping");
    release();
    const { status, body, cut } = await slow;
    expect([status, cut]).toEqual([200, false]);
    expect(body.equals(site.sent[0] ?? Buffer.alloc(0))).toBe(true);
    expect((await pair[side].ended).code).toBe(0);
    expect(pair[side].log.at(-1)).toMatchObject({ event: "stopped" });
    const other = side === "edge" ? pair.origin : pair.edge;
    await other.logged("link down");
    expect(other.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.each([
    ["edge", 0],
    ["origin", 503],
  ] as const)(
    "to the %s side: one that never ends is cut off at the bound, and still code 0",
    async (side, status) => {
      const pair = await startPair({ edge: { times: HASTY }, [side]: { times: { drain: "200ms" } } });
      holdAnswers();
      const slow = visit(pair.edge.port("visitors"));
      await site.askedReach(1);
      pair[side].signal("SIGTERM");
      expect((await pair[side].ended).code).toBe(0);
      expect((await slow).status).toBe(status);
    },
  );

  it("a second one ends it at once, with code 1", async () => {
    const { edge } = await startPair();
    holdAnswers();
    const slow = visit(edge.port("visitors"));
    await site.askedReach(1);
    edge.signal("SIGTERM");
    await edge.logged("stopping");
    edge.signal("SIGTERM");
    expect((await edge.ended).code).toBe(1);
    expect((await slow).cut).toBe(true);
  });
});
