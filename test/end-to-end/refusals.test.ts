/**
 * What people get wrong when they set up a pair, with real daemons: each mistake is told in words that say what to do, by
 * `run` in its log and by `check` with exit code 1, and nothing hangs.
 */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { OLDEST_WIRE_VERSION, WIRE_VERSION } from "../../protocol/frames/hello.ts";
import { makeLinkKey, parseSecret, type Secret, secretText } from "../../protocol/transport/key.ts";
import { makeAuthority } from "../kit/certificates.ts";
import { openSite } from "../kit/changing-site.ts";
import { freePort, openOrigin, openRawServer } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, HOST, KEY, openScene, originYaml, type Scene } from "../kit/real-daemons.ts";
import { ScriptedPeer } from "../kit/scripted-peer.ts";
import { dialTunnel, openTunnel } from "../kit/tunnel.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

let scene: Scene;
beforeEach(() => {
  scene = openScene();
  return () => scene[Symbol.asyncDispose]();
});

const OTHER_SECRET = secretText(makeLinkKey("any").secret);

/** What is at the address where an origin side looks for its edge: its port, for as long as the test runs. */
type Place = () => Promise<number>;

const forTheTest = <T extends AsyncDisposable>(opened: T): T => {
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
};

const tunnelWith =
  (keyId: string, secret: string): Place =>
  async () => {
    const secrets = new Map([[keyId, parseSecret(secret)]]);
    return forTheTest(await openTunnel({ mode: "psk", secretOf: (id) => secrets.get(id) })).port;
  };

const webServer: Place = async () => forTheTest(await openSite()).port;

const listening = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    const closed = once(server, "close");
    server.close();
    await closed;
  });
  return (server.address() as AddressInfo).port;
};

const tlsServer: Place = () => {
  const { certificate, privateKey } = makeAuthority().issue({ name: "edge.test", names: ["127.0.0.1"] });
  const server = createTlsServer({ cert: certificate, key: privateKey }, (socket) => socket.end("hello"));
  return listening(server.on("tlsClientError", () => {}));
};

/** A wire that nobody here knows yet, and what is said of it. */
const NEWER = { version: WIRE_VERSION + 8, oldest: WIRE_VERSION + 7 };
const SPOKEN = `wire versions ${OLDEST_WIRE_VERSION} to ${WIRE_VERSION}, the peer ${NEWER.oldest} to ${NEWER.version}: upgrade this side`;

/** Speaks PSK with the right key, and a newer wire. */
const newerEdge: Place = async () => {
  const secret = parseSecret(KEY.secret);
  const tunnel = forTheTest(await openTunnel({ mode: "psk", secretOf: () => secret }));
  const greetAll = async (): Promise<never> => {
    for (;;) new ScriptedPeer(await tunnel.accepted(), "edge", NEWER);
  };
  void greetAll();
  return tunnel.port;
};

const hangsUp: Place = async () => forTheTest(await openRawServer((socket) => socket.end())).port;

describe("an origin side whose edge is not what it should be", () => {
  it.each([
    [
      "knows its key with another secret",
      tunnelWith(KEY.id, OTHER_SECRET),
      /another secret: pair again, or copy/,
    ],
    [
      "does not know its key",
      tunnelWith("other", OTHER_SECRET),
      /does not know this key id: add the key to the edge's config/,
    ],
    [
      "is where nobody listens",
      freePort,
      /nothing listens there: is coilgun-edge running, and is the port right\?/,
    ],
    [
      "is a TLS server with a certificate",
      tlsServer,
      /did not prove the shared key: this is not the edge, or/,
    ],
    ["is the port for visitors", webServer, /does not answer in TLS .*: is this the edge's tunnel port\?/],
    ["hangs up", hangsUp, /hung up before it answered: see the edge's log/],
    ["speaks newer versions of the wire", newerEdge, new RegExp(SPOKEN)],
  ] as const)("%s: check ends with code 1, run says why and tries again", async (_, place, why) => {
    const port = await place();
    const web = forTheTest(await openSite());
    const settings = originYaml(port, web.port);
    const [checked, origin] = await Promise.all([
      scene.command("origin-side", settings, "check"),
      scene.start("origin-side", settings),
    ]);
    expect([checked.code, checked.stderr]).toEqual([1, ""]);
    expect(checked.stdout).toMatch(
      new RegExp(`^problem +edge 127\\.0\\.0\\.1:${port} gives no link with the key k\n`, "m"),
    );
    expect(checked.stdout).toMatch(why);
    const event = _.includes("newer") ? "link down" : "edge not reached";
    expect(await origin.logged(event)).toMatchObject({
      edge: `127.0.0.1:${port}`,
      why: expect.stringMatching(why),
    });
    await origin.logged(event, 2);
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
    const edge = await scene.start("edge-side", edgeYaml());
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
    }),
  );
  const address = `127.0.0.1:${edge.port("tunnel")}`;
  const origin = await scene.start(
    "origin-side",
    originYaml(0, site.port, { edges: [{ address, key: shop }] }),
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
