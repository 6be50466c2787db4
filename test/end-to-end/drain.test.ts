/** What an open event stream costs when a side stops: no more than the time that streams have of their own, and nobody else's requests. */
import type { ServerResponse } from "node:http";
import { beforeEach, expect, it } from "vitest";
import { type FakeOrigin, freePort, openOrigin } from "../kit/fake-origin.ts";
import { type InnerDaemon, type InnerScene, openInnerScene } from "../kit/inner-scene.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, originYaml, type Settings } from "../kit/real-daemons.ts";
import { begin, finish, visit } from "../kit/visits.ts";

watchLeaks();

let scene: InnerScene;
let web: FakeOrigin;
let streams: ServerResponse[];
beforeEach(async () => {
  scene = openInnerScene();
  streams = [];
  web = await openOrigin((request, response) => {
    request.resume();
    if (request.url !== "/events") return response.end("page");
    streams.push(response.setHeader("Content-Type", "text/event-stream"));
    return response.write("data: 1\n\n");
  });
  return () => Promise.all([scene[Symbol.asyncDispose](), web[Symbol.asyncDispose]()]);
});

/** Far longer than the test may take. */
const LONG = "10m";

const startEdge = (tunnel: number, times: Settings): Promise<InnerDaemon> =>
  scene.start("edge-side", edgeYaml({ tunnel: `127.0.0.1:${tunnel}`, times }));

it.each(["edge", "origin"] as const)(
  "SIGTERM to the %s side cuts an event stream after times.drainStreams, and waits no longer",
  async (side) => {
    const times = { drain: LONG, drainStreams: "50ms" };
    const edge = await startEdge(0, times);
    const origin = await scene.start("origin-side", originYaml(edge.port("tunnel"), web.port, { times }));
    await edge.logged("link up");
    const events = await begin(edge.port("visitors"), { path: "/events" });
    const stopped = side === "edge" ? edge : origin;
    stopped.signal("SIGTERM");
    expect(await stopped.ended).toBe(0);
    expect((await finish(events)).cut).toBe(true);
  },
);

it("a new origin side takes over while the old one, told to stop, still has an event stream", async () => {
  const times = { drain: LONG, drainStreams: LONG };
  const edge = await startEdge(0, times);
  const settings = originYaml(edge.port("tunnel"), web.port, { times });
  const old = await scene.start("origin-side", settings);
  await edge.logged("link up");
  const events = await begin(edge.port("visitors"), { path: "/events" });
  await scene.start("origin-side", settings);
  await edge.logged("link up", 2);
  old.signal("SIGTERM");
  const statuses = await Promise.all(
    Array.from({ length: 50 }, async () => (await visit(edge.port("visitors"))).status),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
  streams[0]?.end("data: 2\n\n");
  expect(String((await finish(events)).body)).toBe("data: 1\n\ndata: 2\n\n");
  expect(await old.ended).toBe(0);
});

it("an origin side dials again at go-away: a new edge has its link while the old one still has an event stream", async () => {
  const times = { drain: LONG, drainStreams: LONG };
  const tunnel = await freePort();
  const old = await startEdge(tunnel, times);
  await scene.start("origin-side", originYaml(tunnel, web.port));
  await old.logged("link up");
  const events = await begin(old.port("visitors"), { path: "/events" });
  old.signal("SIGTERM");
  await old.logged("stopping");
  const edge = await startEdge(tunnel, times);
  await edge.logged("link up");
  expect((await visit(edge.port("visitors"))).status).toBe(200);
  streams[0]?.end("data: 2\n\n");
  expect(String((await finish(events)).body)).toBe("data: 1\n\ndata: 2\n\n");
  expect(await old.ended).toBe(0);
});
