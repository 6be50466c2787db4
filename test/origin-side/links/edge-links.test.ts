import { afterEach, describe, expect, it } from "vitest";
import { EdgeLinks, MOST_EDGE_WORKERS } from "../../../origin-side/links/edge-links.ts";
import { silentLog } from "../../../protocol/daemon/log.ts";
import type { Hello } from "../../../protocol/frames/hello.ts";
import { helloMaker } from "../../../protocol/link/local-hello.ts";
import { ByteBudget } from "../../../protocol/runtime/memory-budget.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { PEER_LIMITS, ScriptedPeer } from "../../kit/scripted-peer.ts";
import { openTunnel, pskSecurity, type Tunnel } from "../../kit/tunnel.ts";
import { stillness, until } from "../../kit/until.ts";

watchLeaks();

const security = pskSecurity("k");
if (security.dial.mode !== "psk") throw new Error("this test dials with a key");
const { key } = security.dial;

const clock = new FakeClock();
let links: EdgeLinks | undefined;
afterEach(async () => {
  await links?.stop(AbortSignal.abort());
  links = undefined;
  expect(clock.timers, "timers left").toBe(0);
});

/** An edge whose connections reach these instances, in this order; then the last one again and again. */
interface ManyEdges {
  readonly tunnel: Tunnel;
  /** By the order in which they came. */
  readonly met: { readonly peer: ScriptedPeer; readonly instance: string }[];
  /** Links that were ended as spare. */
  readonly spare: () => number;
  readonly logged: string[];
}

const dialled = async (
  tunnel: Tunnel,
  given: { readonly order: string; readonly workers?: number; readonly connections?: number },
): Promise<ManyEdges> => {
  const met: ManyEdges["met"] = [];
  const logged: string[] = [];
  let spare = 0;
  const serve = async () => {
    for (;;) {
      const transport = await tunnel.accepted();
      const instance = given.order[Math.min(met.length, given.order.length - 1)] ?? "";
      const hello: Partial<Hello> = { instanceId: instance.padEnd(16) };
      const workers = given.workers === undefined ? {} : { workers: given.workers };
      const peer = new ScriptedPeer(transport, "edge", { ...hello, ...workers });
      met.push({ peer, instance });
      void peer.next().then(
        (frame) => {
          if (frame.kind === "goAway" && frame.code === "shutting-down") spare++;
        },
        () => {},
      );
    }
  };
  void serve();
  const log = { ...silentLog, info: (event: string) => void logged.push(event) };
  links = new EdgeLinks({
    edge: {
      address: { host: "127.0.0.1", port: tunnel.port },
      key,
      connections: given.connections ?? 1,
      wire: { mode: "psk" },
    },
    clock,
    chance: () => 1,
    log: { ...log, with: () => log },
    redial: { firstMs: 100, mostMs: 10_000 },
    heartbeatMs: 120_000,
    memory: new ByteBudget({ totalBytes: 1e6, shareBytes: 1e6 }),
    hello: helloMaker({ role: "origin", ...PEER_LIMITS }),
    service: { serve: () => ({ opened() {}, pushed() {}, forget() {} }) },
  });
  return { tunnel, met, spare: () => spare, logged };
};

const order = ({ met }: ManyEdges) => met.map(({ instance }) => instance).join("");
const settled = (edges: ManyEdges) => stillness(() => edges.met.length + edges.logged.length);

describe("the links to an edge", () => {
  it("are as many as were asked for, where the edge is one program", async () => {
    await using tunnel = await openTunnel(security.listen);
    const edges = await dialled(tunnel, { order: "a", connections: 3 });
    await settled(edges);
    expect([order(edges), edges.spare()]).toEqual(["aaa", 0]);
  });

  it("reach each worker once; one that comes to a worker again is ended and dialled again", async () => {
    await using tunnel = await openTunnel(security.listen);
    const edges = await dialled(tunnel, { order: "aabbac", workers: 3 });
    await until(() => edges.logged.length === 3, "three links");
    await settled(edges);
    expect([order(edges), edges.spare(), edges.logged]).toEqual([
      "aabbac",
      3,
      ["link up", "link up", "link up"],
    ]);
  });

  it("are `connections` to each worker", async () => {
    await using tunnel = await openTunnel(security.listen);
    const edges = await dialled(tunnel, { order: "abab", workers: 2, connections: 2 });
    await settled(edges);
    expect([order(edges), edges.spare()]).toEqual(["abab", 0]);
  });

  it("are dialled with pauses when a worker is not reached in twice their number", async () => {
    await using tunnel = await openTunnel(security.listen);
    const edges = await dialled(tunnel, { order: "a", workers: 2 });
    await until(() => edges.met.length === 6, "one link and five spares");
    await settled(edges);
    expect([edges.met.length, edges.spare()]).toEqual([6, 5]);
    await clock.advance(99);
    await settled(edges);
    expect(edges.met.length).toBe(6);
    await clock.advance(1);
    await until(() => edges.met.length === 7, "the next one");
    await settled(edges);
    await clock.advance(199);
    await settled(edges);
    expect(edges.met.length).toBe(7);
    await clock.advance(1);
    await until(() => edges.met.length === 8, "the one after");
  });

  it("are one again after an edge of two was lost, until it says again what it is", async () => {
    await using tunnel = await openTunnel(security.listen);
    const edges = await dialled(tunnel, { order: "abcd", workers: 2 });
    await settled(edges);
    expect(order(edges)).toBe("ab");
    for (const { peer } of edges.met) peer.cut();
    await until(() => edges.logged.filter((event) => event === "link down").length === 2, "both gone");
    await settled(edges);
    await clock.advance(100);
    await until(() => edges.met.length === 4, "both again");
    await settled(edges);
    expect([order(edges), edges.spare()]).toEqual(["abcd", 0]);
  });

  it(`are to ${MOST_EDGE_WORKERS} workers at most, whatever the edge says`, async () => {
    await using tunnel = await openTunnel(security.listen);
    const instances = Array.from({ length: MOST_EDGE_WORKERS + 5 }, (_, i) => String.fromCharCode(0x30 + i));
    const edges = await dialled(tunnel, { order: instances.join(""), workers: 2 ** 40 });
    await until(() => edges.met.length === MOST_EDGE_WORKERS, "all of them");
    await settled(edges);
    expect(edges.met.length).toBe(MOST_EDGE_WORKERS);
  });
});
