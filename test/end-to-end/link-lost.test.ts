/**
 * Daemons whose link is harmed by what is between them: broken in the middle of an exchange, or silent. What may be
 * repeated is, once; what may not be is not; and the link comes back.
 */
import { once } from "node:events";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
import { type FaultyRelay, openRelay, type RelayedConnection } from "../kit/faulty-relay.ts";
import { type InnerDaemon, type InnerScene, openInnerScene } from "../kit/inner-scene.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, KEY, originYaml } from "../kit/real-daemons.ts";
import { type Asking, begin, finish, type Visited, visit } from "../kit/visits.ts";

watchLeaks();

let scene: InnerScene;
let site: ChangingSite;
beforeEach(async () => {
  scene = openInnerScene();
  site = await openSite();
  return async () => {
    await Promise.all([scene[Symbol.asyncDispose](), site[Symbol.asyncDispose]()]);
  };
});

interface Relayed {
  readonly edge: InnerDaemon;
  readonly origin: InnerDaemon;
  readonly relay: FaultyRelay;
}

/** A pair whose links, as many as said, go through a relay. */
const startRelayed = async (connections: number, times: object = {}): Promise<Relayed> => {
  const edge = await scene.start("edge-side", edgeYaml({ times }));
  const relay = await openRelay(edge.port("tunnel"));
  onTestFinished(() => relay[Symbol.asyncDispose]());
  const edges = [{ address: `127.0.0.1:${relay.port}`, key: KEY, connections }];
  const origin = await scene.start("origin-side", originYaml(0, site.port, { edges, times }));
  await edge.logged("link up", connections);
  return { edge, origin, relay };
};

/** Random, so that it crosses the link at its full length: no other traffic in these tests has as many bytes. */
const LONG = Array.from({ length: 6_000 }, (_, i) => ((i * 7919) % 36).toString(36)).join("");
const LEAST_BYTES = 5_000;

/** A visit in whose middle, when the site has been asked and has not answered, the link that carries it is harmed. */
const visitLost = async (
  { edge, relay }: Relayed,
  asking: Asking = {},
  harm = (link: RelayedConnection): void => link.cut(),
): Promise<Visited> => {
  const answered = Promise.withResolvers<void>();
  onTestFinished(() => answered.resolve());
  site.hold = answered.promise;
  const askedBefore = site.asked.length;
  let visited: Promise<Visited> | undefined;
  const link = await relay.carrying(LEAST_BYTES, () => {
    visited = visit(edge.port("visitors"), { path: `/page?${LONG}`, ...asking });
  });
  await site.askedReach(askedBefore + 1);
  site.hold = undefined;
  harm(link);
  if (visited === undefined) throw new Error("nobody visited");
  return visited;
};

describe("a link that is cut before an answer has come", () => {
  it("of two: a GET is repeated once over the other", async () => {
    const pair = await startRelayed(2);
    const { status, body } = await visitLost(pair);
    expect(status).toBe(200);
    expect(body.equals(site.sent[0] ?? Buffer.alloc(0))).toBe(true);
    expect(site.asked).toHaveLength(2);
    expect(await pair.edge.access(1)).toMatchObject({ status: 200, answer: "whole" });
    await pair.edge.logged("link up", 3);
    expect(pair.relay.connections).toHaveLength(3);
  });

  it("and then another one: a GET is not repeated twice, although a third link is up", async () => {
    const pair = await startRelayed(3);
    const answered = Promise.withResolvers<void>();
    onTestFinished(() => answered.resolve());
    site.hold = answered.promise;
    let visited: Promise<Visited> | undefined;
    const first = await pair.relay.carrying(LEAST_BYTES, () => {
      visited = visit(pair.edge.port("visitors"), { path: `/page?${LONG}` });
    });
    await site.askedReach(1);
    const second = await pair.relay.carrying(LEAST_BYTES, () => first.cut());
    await site.askedReach(2);
    second.cut();
    expect((await visited)?.status).toBe(502);
    expect(site.asked).toHaveLength(2);
  });

  it("of two: what may have changed something is not repeated, and the other link serves on", async () => {
    const pair = await startRelayed(2);
    for (const [asked, asking] of [
      { method: "POST", body: Buffer.from("one order, please") },
      { method: "DELETE" },
      { method: "GET", body: Buffer.from("with a body"), headers: { "Content-Length": 11 } },
    ].entries()) {
      const { status } = await visitLost(pair, asking);
      expect([asking.method, status, site.asked.length]).toEqual([asking.method, 502, 2 * asked + 1]);
      expect(await pair.edge.access(2 * asked + 1)).toMatchObject({ status: 502, failed: "link-lost" });
      await visitPage(site, pair.edge.port("visitors"));
      await pair.edge.logged("link up", 3 + asked);
    }
  });

  it("the only one: a GET waits until the link is back, and its page builds on the bases that both kept", async () => {
    const pair = await startRelayed(1);
    const port = pair.edge.port("visitors");
    await visitPage(site, port);
    const { promise, resolve } = Promise.withResolvers<void>();
    site.hold = promise;
    const visited = visit(port);
    await site.askedReach(2);
    pair.relay.connections[0]?.cut();
    await pair.edge.logged("link up", 2);
    site.hold = undefined;
    resolve();
    expect((await visited).status).toBe(200);
    expect(await pair.edge.access(2)).toMatchObject({ answer: "delta" });
    expect(site.asked).toHaveLength(3);
  });

  it("after the head of a streamed page went out: a visibly cut page, never a complete-looking one", async () => {
    const pair = await startRelayed(2);
    site.serve = (_, response) => response.setHeader("Content-Type", "text/html").write("<p>The beginning");
    const response = await begin(pair.edge.port("visitors"), { path: "/stream" });
    // Reading begins with what is here already, so who listens for it has to be first.
    const came = once(response, "data");
    const visited = finish(response);
    await came;
    for (const link of pair.relay.connections) link.cut();
    const { status, cut, body } = await visited;
    expect([status, cut, body.toString()]).toEqual([200, true, "<p>The beginning"]);
    expect(site.asked).toHaveLength(1);
  });
});

it("a network that has gone silent is found by both sides and dialled around; a GET in its middle goes another way", async () => {
  const pair = await startRelayed(2, { heartbeat: "500ms" });
  const { status, body } = await visitLost(pair, {}, (link) => link.swallow());
  expect(status).toBe(200);
  expect(body.equals(site.sent[0] ?? Buffer.alloc(0))).toBe(true);
  expect(site.asked).toHaveLength(2);
  for (const side of [pair.edge, pair.origin])
    expect(await side.logged("link down")).toMatchObject({
      code: "silent",
      why: expect.stringMatching(/nothing received for \d+ ms/),
    });
  await pair.edge.logged("link up", 3);
  await visitPage(site, pair.edge.port("visitors"), { path: `/page?${LONG}` });
  expect(await pair.edge.access(2)).toMatchObject({ answer: "delta" });
});
