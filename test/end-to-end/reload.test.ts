/** What SIGHUP takes over while pages flow: keys, hosts, secrets, routes; and that a file that is not valid changes nothing. */
import { once } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { makeLinkKey, secretText } from "../../protocol/transport/key.ts";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { openEchoOrigin } from "../kit/echo-origin.ts";
import { type InnerDaemon, type InnerScene, openInnerScene } from "../kit/inner-scene.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, HOST, KEY, originYaml, type Settings } from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const makeSecret = (): string => secretText(makeLinkKey("any").secret);

let scene: InnerScene;
let site: ChangingSite;
beforeEach(async () => {
  scene = openInnerScene();
  site = await openSite();
  return () => Promise.all([scene[Symbol.asyncDispose](), site[Symbol.asyncDispose]()]);
});

/** For an edge whose link does not come again: a visit need not wait for it as long as people would. */
const HASTY = { times: { link: "100ms" } };

interface Pair {
  readonly edge: InnerDaemon;
  readonly origin: InnerDaemon;
}

const startPair = async (settings: Settings = {}): Promise<Pair> => {
  const edge = await scene.start("edge-side", edgeYaml(settings));
  const origin = await scene.start("origin-side", originYaml(edge.port("tunnel"), site.port));
  await edge.logged("link up");
  return { edge, origin };
};

/** The edge's answer to one visit, whose access line has this number. */
const answerTo = async (edge: InnerDaemon, line: number): Promise<unknown> => {
  await visitPage(site, edge.port("visitors"), { path: "/news" });
  return (await edge.access(line)).answer;
};

const SHOP = "shop.example.com";
const SHOP_KEY = { id: "shop", secret: makeSecret() };
const BOTH = [
  { ...KEY, hosts: [HOST] },
  { ...SHOP_KEY, hosts: [SHOP] },
];

/** One origin side with a link by each key. */
const startTwoKeys = async (): Promise<Pair> => {
  const edge = await scene.start("edge-side", edgeYaml({ keys: BOTH }));
  const address = `127.0.0.1:${edge.port("tunnel")}`;
  const settings = originYaml(0, site.port, {
    edges: [KEY, SHOP_KEY].map((key) => ({ address, key, connections: 1 })),
    routes: [HOST, SHOP].map((host) => ({ host, origin: `http://127.0.0.1:${site.port}` })),
  });
  const origin = await scene.start("origin-side", settings);
  await edge.logged("link up", 2);
  return { edge, origin };
};

describe("SIGHUP", () => {
  it("that removes a key ends its link and serves its host no more; the others' links stay", async () => {
    const { edge, origin } = await startTwoKeys();
    const port = edge.port("visitors");
    for (const host of [HOST, SHOP]) await visitPage(site, port, { host });
    edge.configure(edgeYaml({ keys: BOTH.slice(0, 1), defaultHost: "off" }));
    edge.signal("SIGHUP");
    await edge.logged("config reloaded");
    expect(await edge.logged("link down")).toMatchObject({ code: "key-removed" });
    expect(await origin.logged("link down")).toMatchObject({ key: SHOP_KEY.id, code: "key-removed" });
    // It dials again, and is told what to do.
    expect((await origin.logged("edge not reached")).why).toMatch(/does not know this key id: add the key/);

    expect((await visit(port, { host: SHOP })).status).toBe(421);
    await visitPage(site, port);
    expect(await edge.access(4)).toMatchObject({ host: HOST, link: KEY.id, answer: "delta" });
    expect(site.sent).toHaveLength(3);
    expect(edge.log.filter(({ event }) => event === "link down")).toHaveLength(1);
  });

  it("that moves a host to no key of a living link leaves it without one: 503", async () => {
    const { edge } = await startTwoKeys();
    const other = { id: "other", secret: makeSecret(), hosts: [SHOP] };
    edge.configure(edgeYaml({ keys: [...BOTH.slice(0, 1), other], ...HASTY }));
    edge.signal("SIGHUP");
    await edge.logged("config reloaded");
    const port = edge.port("visitors");
    expect((await visit(port, { host: SHOP })).status).toBe(503);
    await visitPage(site, port);
  });

  it("with a changed secret ends the link of the old one", async () => {
    const { edge, origin } = await startPair();
    edge.configure(edgeYaml({ keys: [{ id: KEY.id, secret: makeSecret(), hosts: [HOST] }], ...HASTY }));
    edge.signal("SIGHUP");
    expect(await origin.logged("link down")).toMatchObject({ code: "key-removed" });
    expect((await edge.logged("link refused")).why).toBe("wrong secret for this key id");
    const refused = origin.log.filter(({ event }) => event === "edge not reached").length;
    expect((await origin.logged("edge not reached", refused + 1)).why).toMatch(/another secret: pair again/);
    expect((await visit(edge.port("visitors"))).status).toBe(503);
  });

  it.each(["edge", "origin"] as const)(
    "of the %s side with a file that is not valid changes nothing, and its problems are logged",
    async (side) => {
      const pair = await startPair();
      const { edge } = pair;
      expect(await answerTo(edge, 1)).toBe("whole");
      pair[side].configure({ ...(side === "edge" ? edgeYaml() : {}), sotre: {}, log: { level: "loud" } });
      pair[side].signal("SIGHUP");
      const { problems } = await pair[side].logged("config not reloaded: the one in use stays");
      expect(problems).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/\.yaml:\d+:\d+: sotre is not a setting.*store/),
          expect.stringMatching(/\.yaml:\d+:\d+: log\.level/),
        ]),
      );
      expect(JSON.stringify(problems)).not.toContain(FIXTURE_SECRET.slice(5));
      expect(await answerTo(edge, 2)).toBe("delta");
    },
  );

  it("of the origin side sends requests to the web server of the new route, over the same link", async () => {
    const { edge, origin } = await startPair();
    await using moved = await openSite();
    await visitPage(site, edge.port("visitors"));
    origin.configure(originYaml(edge.port("tunnel"), moved.port));
    origin.signal("SIGHUP");
    await origin.logged("config reloaded");
    await visitPage(moved, edge.port("visitors"));
    expect(await edge.access(2)).toMatchObject({ answer: "same" });
    expect(edge.log.filter(({ event }) => event === "link up")).toHaveLength(1);
  });

  it.each([
    ["edge", edgeYaml({ store: { size: "64 MiB" }, times: { heartbeat: "5s" } })],
    ["origin", originYaml(1, 1, { store: { size: "64 MiB" }, times: { heartbeat: "5s" } })],
  ] as const)(
    "of the %s side names what needs a restart, with the old and the new value",
    async (side, next) => {
      const pair = await startPair();
      pair[side].configure(next);
      pair[side].signal("SIGHUP");
      expect((await pair[side].logged("settings need a restart")).settings).toEqual([
        "store.size: 256 MiB -> 64 MiB",
        "times.heartbeat: 1s -> 5s",
      ]);
    },
  );

  it("of the origin side dials an edge that came, and ends the link of one that is gone", async () => {
    const { edge, origin } = await startPair(HASTY);
    const other = await scene.start("edge-side", edgeYaml());
    const settings = originYaml(edge.port("tunnel"), site.port);
    const dialled = (...edges: readonly InnerDaemon[]) => ({
      ...settings,
      edges: edges.map((each) => ({ address: `127.0.0.1:${each.port("tunnel")}`, key: KEY })),
    });
    origin.configure(dialled(edge, other));
    origin.signal("SIGHUP");
    await other.logged("link up");
    await visitPage(site, other.port("visitors"));
    origin.configure(dialled(other));
    origin.signal("SIGHUP");
    expect(await edge.logged("link down")).toMatchObject({ code: "shutting-down" });
    await visitPage(site, other.port("visitors"));
    expect(other.log.filter(({ event }) => event === "link down")).toEqual([]);
    expect((await visit(edge.port("visitors"))).status).toBe(503);
  });

  it("that changes other routes and keys leaves a WebSocket as it is", async () => {
    await using web = await openEchoOrigin();
    const edge = await scene.start("edge-side", edgeYaml());
    const settings = originYaml(edge.port("tunnel"), web.port);
    const origin = await scene.start("origin-side", settings);
    await edge.logged("link up");
    const url = `ws://127.0.0.1:${edge.port("visitors")}/chat`;
    const socket = new WebSocket(url, { headers: { Host: HOST } });
    await once(socket, "open");
    const echo = async (text: string) => {
      socket.send(text);
      return String((await once(socket, "message"))[0]);
    };
    expect(await echo("before")).toBe("before");
    const more = { host: SHOP, origin: `http://127.0.0.1:${site.port}` };
    origin.configure({ ...settings, routes: [...(settings.routes as unknown[]), more] });
    origin.signal("SIGHUP");
    await origin.logged("config reloaded");
    edge.configure(edgeYaml({ keys: BOTH }));
    edge.signal("SIGHUP");
    await edge.logged("config reloaded");
    expect(await echo("after")).toBe("after");
    socket.terminate();
  });
});
