/** A key whose secret is changed on both sides, one after the other, while pages flow: none fails, and the old secret ends. */
import { Agent } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { makeLinkKey, secretText } from "../../protocol/transport/key.ts";
import { type ChangingSite, openSite } from "../kit/changing-site.ts";
import { type InnerDaemon, type InnerScene, openInnerScene } from "../kit/inner-scene.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { ANY_PORT, edgeYaml, HOST, type Line, originYaml, type Settings } from "../kit/real-daemons.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const [OLD, NEW] = ["old", "new"].map((name) => secretText(makeLinkKey(name).secret));

let scene: InnerScene;
let site: ChangingSite;
beforeEach(async () => {
  scene = openInnerScene();
  site = await openSite();
  return () => Promise.all([scene[Symbol.asyncDispose](), site[Symbol.asyncDispose]()]);
});

type Mode = "psk" | "plain";
/** What is written beside the id of the key. */
type Written = Settings;

const edgeOf = (mode: Mode, key: Written): Settings =>
  edgeYaml({ tunnel: { listen: ANY_PORT, mode }, keys: [{ id: "k", ...key, hosts: [HOST] }] });

const originOf = (mode: Mode, tunnel: number, key: Written): Settings => {
  const edges = [{ address: `127.0.0.1:${tunnel}`, key: { id: "k", ...key }, mode, connections: 2 }];
  return originYaml(tunnel, site.port, { edges });
};

interface Pair {
  readonly edge: InnerDaemon;
  readonly origin: InnerDaemon;
  /** Has a side read its config again, with this secret. */
  rotate(side: "edge" | "origin", key: Written): Promise<void>;
}

const startPair = async (mode: Mode, atEdge: Written, atOrigin: Written): Promise<Pair> => {
  const edge = await scene.start("edge-side", edgeOf(mode, atEdge));
  const tunnel = edge.port("tunnel");
  const origin = await scene.start("origin-side", originOf(mode, tunnel, atOrigin));
  const reloads = { edge: 0, origin: 0 };
  return {
    edge,
    origin,
    async rotate(side, key) {
      const daemon = side === "edge" ? edge : origin;
      daemon.configure(side === "edge" ? edgeOf(mode, key) : originOf(mode, tunnel, key));
      daemon.signal("SIGHUP");
      await daemon.logged("config reloaded", ++reloads[side]);
    },
  };
};

const count = ({ log }: InnerDaemon, event: string): number =>
  log.filter((line) => line.event === event).length;

/** The edge takes no secret that this side has. */
const isRefused = ({ why, code }: Line): boolean =>
  code === "key-not-proved" || /with another secret/.test(String(why));

/** Visits one after another, each second one on a kept connection, until `over`; resolves with how often each status came. */
const visitAllTheWhile = async (port: number, over: Promise<unknown>) => {
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const statuses: Record<number, number> = {};
  let going = true;
  void over.finally(() => {
    going = false;
  });
  for (let n = 0; going; n++) {
    const { status } = await visit(port, n % 2 === 0 ? {} : { agent: kept });
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  kept.destroy();
  return statuses;
};

const ALONE = { secret: NEW };
const BOTH = { secret: NEW, previous: { secret: OLD } };

type Step = readonly ["edge" | "origin", Written];
const ORDERS: readonly (readonly [string, readonly Step[]])[] = [
  [
    "at the edge first",
    [
      ["edge", BOTH],
      ["origin", ALONE],
      ["edge", ALONE],
    ],
  ],
  [
    "at the origin side first",
    [
      ["origin", BOTH],
      ["edge", BOTH],
      ["edge", ALONE],
    ],
  ],
  [
    "at both, and dropped at the origin side first",
    [
      ["edge", BOTH],
      ["origin", BOTH],
      ["origin", ALONE],
      ["edge", ALONE],
    ],
  ],
];

describe.each(["psk", "plain"] as const)(
  "in mode %s a secret is changed without a failed request",
  (mode) => {
    it.each(ORDERS)("%s", async (_, steps) => {
      const pair = await startPair(mode, { secret: OLD }, { secret: OLD });
      const { edge } = pair;
      await edge.logged("link up", 2);
      const rotated = (async () => {
        for (const [side, key] of steps) {
          await pair.rotate(side, key);
          const before = site.sent.length;
          const { status, body } = await visit(edge.port("visitors"));
          expect(status).toBe(200);
          // Others visit at the same time: theirs may be the page that was sent last.
          expect(site.sent.slice(before).some((page) => page.equals(body))).toBe(true);
        }
      })();
      const statuses = await visitAllTheWhile(edge.port("visitors"), rotated);
      await rotated;
      if (process.env.COILGUN_FIGURES !== undefined) console.log(mode, statuses);
      expect(Object.keys(statuses)).toEqual(["200"]);
      // The old secret proves nothing any more, at whichever side it is left.
      await pair.rotate("origin", { secret: OLD });
      await until(() => pair.origin.log.some(isRefused), "the refusal");
    });
  },
);

it("a previous secret ends at its `until`: its links end, which is logged, and the new one goes on", async () => {
  const ending = new Date(Date.now() + 1_500).toISOString();
  const { edge, origin } = await startPair(
    "psk",
    { secret: NEW, previous: { secret: OLD, until: ending } },
    { secret: OLD },
  );
  await edge.logged("link up", 2);
  expect(await edge.logged("previous secret ended")).toMatchObject({ key: "k", links: 2 });
  await origin.logged("link down", 2);
  await until(() => edge.log.some(({ why }) => why === "wrong secret for this key id"), "the refusal");
  expect(count(edge, "link up")).toBe(2);
});
