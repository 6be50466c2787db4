/**
 * What people get wrong when they set up a pair, with real daemons: each mistake is told in words that say what to do, by
 * `run` in its log and by `check` with exit code 1, and nothing hangs.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { OLDEST_WIRE_VERSION, WIRE_VERSION } from "../../protocol/frames/hello.ts";
import { makeLinkKey, parseSecret, type Secret, secretText } from "../../protocol/transport/key.ts";
import { makeAuthority } from "../kit/certificates.ts";
import { openSite } from "../kit/changing-site.ts";
import { freePort, openOrigin, openRawServer } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import {
  edgeYaml,
  HOST,
  KEY,
  openScene,
  originYaml,
  type RealDaemon,
  type Scene,
} from "../kit/real-daemons.ts";
import type { Ended } from "../kit/run-command.ts";
import { ScriptedPeer } from "../kit/scripted-peer.ts";
import { dialTunnel, openTunnel } from "../kit/tunnel.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

let scene: Scene;
beforeEach(() => {
  scene = openScene();
  return () => scene[Symbol.asyncDispose]();
});

/** For an edge that gets no link: a visit need not wait for one as long as people would. */
const HASTY = { times: { link: "100ms" } };

const OTHER_SECRET = secretText(makeLinkKey("any").secret);

/** What is at the address where an origin side looks for its edge: its port, until `undo` is disposed. */
type Place = (undo: AsyncDisposableStack) => Promise<number>;

const forTheTest = <T extends AsyncDisposable>(opened: T): T => {
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
};

const tunnelWith =
  (keyId: string, secret: string): Place =>
  async (undo) => {
    const secrets = new Map([[keyId, parseSecret(secret)]]);
    return undo.use(await openTunnel({ mode: "psk", secretsOf: (id) => [secrets.get(id) ?? []].flat() }))
      .port;
  };

const webServer: Place = async (undo) => undo.use(await openSite()).port;

const tlsServer: Place = async (undo) => {
  const { certificate, privateKey } = makeAuthority().issue({ name: "edge.test", names: ["127.0.0.1"] });
  const server = createTlsServer({ cert: certificate, key: privateKey }, (socket) => socket.end("hello"));
  server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.defer(async () => {
    const closed = once(server, "close");
    server.close();
    await closed;
  });
  return (server.address() as AddressInfo).port;
};

/** A wire that nobody here knows yet, and what is said of it. */
const NEWER = { version: WIRE_VERSION + 8, oldest: WIRE_VERSION + 7 };
const SPOKEN = `wire versions ${OLDEST_WIRE_VERSION} to ${WIRE_VERSION}, the peer ${NEWER.oldest} to ${NEWER.version}: upgrade this side`;

/** Speaks PSK with the right key, and a newer wire. */
const newerEdge: Place = async (undo) => {
  const secret = parseSecret(KEY.secret);
  const tunnel = undo.use(await openTunnel({ mode: "psk", secretsOf: () => [secret] }));
  const greetAll = async (): Promise<never> => {
    for (;;) new ScriptedPeer(await tunnel.accepted(), "edge", NEWER);
  };
  void greetAll();
  return tunnel.port;
};

const hangsUp: Place = async (undo) => undo.use(await openRawServer((socket) => socket.end())).port;

/** The free port comes last: none of the others may take it. */
const MISTAKES = [
  [
    "knows its key with another secret",
    tunnelWith(KEY.id, OTHER_SECRET),
    "edge not reached",
    /another secret: pair again, or copy/,
  ],
  [
    "does not know its key",
    tunnelWith("other", OTHER_SECRET),
    "edge not reached",
    /does not know this key id: add the key to the edge's config/,
  ],
  [
    "is a TLS server with a certificate",
    tlsServer,
    "edge not reached",
    /did not prove the shared key: this is not the edge, or/,
  ],
  [
    "is the port for visitors",
    webServer,
    "edge not reached",
    /does not answer in TLS .*: is this the edge's tunnel port\?/,
  ],
  ["hangs up", hangsUp, "edge not reached", /hung up before it answered: see the edge's log/],
  ["speaks newer versions of the wire", newerEdge, "link down", new RegExp(SPOKEN)],
  [
    "is where nobody listens",
    freePort,
    "edge not reached",
    /nothing listens there: is coilgun-edge running, and is the port right\?/,
  ],
] as const satisfies readonly (readonly [string, Place, string, RegExp])[];

describe("an origin side whose edge is not what it should be", () => {
  const undo = new AsyncDisposableStack();
  const ports = new Map<string, number>();
  let checked: Ended;
  let origin: RealDaemon;
  // One origin side that has them all as its edges: each process takes a second of CPU to start.
  beforeAll(async () => {
    const all = undo.use(openScene());
    for (const [what, place] of MISTAKES) ports.set(what, await place(undo));
    const web = undo.use(await openSite());
    const edges = [...ports.values()].map((port) => ({ address: `127.0.0.1:${port}`, key: KEY }));
    const settings = originYaml(0, web.port, { edges });
    [checked, origin] = await Promise.all([
      all.command("origin-side", settings, "check"),
      all.start("origin-side", settings),
    ]);
  });
  afterAll(() => undo.disposeAsync());

  it.each(MISTAKES)("%s: check and run say why, and run tries again", async (what, _, event, why) => {
    const edge = `127.0.0.1:${ports.get(what)}`;
    const findings = checked.stdout.split(/^(?=\S)/m);
    const told = findings.find((each) => each.includes(`edge ${edge} gives no link with the key k\n`));
    expect(told).toMatch(/^problem /);
    expect(told).toMatch(why);
    const lines = () => origin.log.filter((line) => line.event === event && line.edge === edge);
    await until(() => lines().length >= 2, `a second "${event}" of ${edge}`);
    expect(lines()[0]?.why).toMatch(why);
  });

  it("check ends with code 1, run when it is told to with 0, and neither says a secret", async () => {
    expect([checked.code, checked.stderr]).toEqual([1, ""]);
    expect(checked.stdout.match(/^problem/gm)).toHaveLength(MISTAKES.length);
    origin.signal("SIGTERM");
    const { code, stderr } = await origin.ended;
    expect(code).toBe(0);
    for (const said of [checked.stdout, stderr]) expect(said).not.toContain(KEY.secret.slice(5));
  });
});

describe("an edge whose caller is not what it should be", () => {
  const security = (secret: Secret, id = KEY.id) => ({ mode: "psk", key: { id, secret } }) as const;
  const right = security(parseSecret(KEY.secret));

  it("says so in its log, tells the caller, and serves on", async () => {
    const edge = await scene.start("edge-side", edgeYaml(HASTY));
    const port = edge.port("tunnel");
    await expect(dialTunnel(port, security(parseSecret(OTHER_SECRET)))).rejects.toThrow("another secret");
    expect((await edge.logged("link refused")).why).toBe("wrong secret for this key id");
    await expect(dialTunnel(port, security(right.key.secret, "x"))).rejects.toThrow(
      "does not know this key id",
    );
    expect((await edge.logged("link refused", 2)).why).toBe("unknown key id, or no key");

    const newer = new ScriptedPeer(await dialTunnel(port, right), "origin", NEWER);
    expect(await newer.nextOf("goAway")).toMatchObject({ code: "wrong-version" });
    expect(await newer.ended).toContain("wrong-version");
    expect(await edge.logged("link down")).toMatchObject({
      code: "wrong-version",
      why: expect.stringContaining(SPOKEN),
    });

    const another = new ScriptedPeer(await dialTunnel(port, right), "edge");
    await another.ended;
    expect((await edge.logged("link down", 2)).why).toContain("both ends of the link are edge sides");

    const next = new ScriptedPeer(await dialTunnel(port, right), "origin");
    await edge.logged("link up");
    next.cut();
    expect((await visit(edge.port("visitors"))).status).toBe(503);
    expect(edge.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});

it("a key for another host serves that host alone; requests for hosts without a route are told of", async () => {
  const site = forTheTest(await openSite());
  const shop = { id: "shop", secret: OTHER_SECRET };
  const edge = await scene.start(
    "edge-side",
    edgeYaml({
      keys: [
        { ...KEY, hosts: [HOST] },
        { ...shop, hosts: ["shop.example"] },
      ],
      ...HASTY,
    }),
  );
  const address = `127.0.0.1:${edge.port("tunnel")}`;
  const origin = await scene.start(
    "origin-side",
    originYaml(0, site.port, { edges: [{ address, key: shop, connections: 1 }] }),
  );
  await edge.logged("link up");
  expect((await visit(edge.port("visitors"))).status).toBe(503);
  expect(await edge.access(1)).toMatchObject({ host: HOST, status: 503, failed: "refused" });
  expect((await visit(edge.port("visitors"), { host: "shop.example" })).status).toBe(502);
  expect(await edge.access(2)).toMatchObject({ host: "shop.example", status: 502, failed: "no-route" });
  expect(await origin.logged("exchange failed")).toMatchObject({
    level: "warn",
    code: "no-route",
    why: "no route for shop.example: add it under routes in origin.yaml",
  });
  expect(site.asked).toEqual([]);
});

describe("a config that cannot be used", () => {
  it.each([
    ["edge-side", edgeYaml()],
    ["origin-side", originYaml(1, 1)],
  ] as const)(
    "with an unknown key ends the %s with its place, a proposal, and code 1",
    async (side, settings) => {
      const { code, stdout, stderr } = await scene.command(side, { ...settings, sotre: {} }, "run");
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/^\S+\.yaml:\d+:\d+: sotre is not a setting.*store/);
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(stderr).not.toContain(KEY.secret.slice(5));
    },
  );

  it.each(["visitors", "tunnel"] as const)(
    "with a port in use for %s: code 1, and what to do",
    async (setting) => {
      await using taken = await openOrigin(() => {});
      const settings = edgeYaml({ [setting]: `127.0.0.1:${taken.port}`, admin: "./edge.sock" });
      const [ran, checked] = await Promise.all([
        scene.command("edge-side", settings, "run"),
        scene.command("edge-side", settings, "check"),
      ]);
      const why = `${setting}: 127.0.0.1:${taken.port} is in use`;
      expect([ran.code, ran.stdout]).toEqual([1, ""]);
      expect(ran.stderr).toMatch(
        new RegExp(`^coilgun-edge: ${why}; stop the program that listens there, or set another address\n$`),
      );
      expect(checked.code).toBe(1);
      expect(checked.stdout).toContain(`problem  ${why}\n`);
    },
  );
});
