/**
 * An edge with several workers, as processes, before origin sides with one worker and with several: visitors stay with the
 * worker that knows their versions, links reach every worker, and all are reloaded, restarted, asked and stopped as one.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { KEPT_PER_URL } from "../../protocol/store/page-index.ts";
import { makeAuthority } from "../kit/certificates.ts";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
import { freePort } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import {
  edgeYaml,
  HOST,
  KEY,
  openScene,
  originYaml,
  type RealDaemon,
  type Scene,
  type Settings,
} from "../kit/real-daemons.ts";
import { until } from "../kit/until.ts";
import { talk, visit } from "../kit/visits.ts";
import { allSay, drained, expectGone, linksOf, saidBy, workerPids } from "../kit/worker-logs.ts";

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

const WORKERS = 2;
const SECTIONS = ["/a/x", "/b/x", "/c/x", "/d/x", "/e/x", "/f/x", "/g/x", "/h/x"];
/** Visits of each section, spread by chance: that all of one section meet the same worker happens once in 65,000 runs. */
const VISITS_TO_REACH_ALL = 20;
/** Behind a trusted proxy every connection goes its own way: so a test reaches all workers from one address. */
const SPREAD = { trustedProxies: ["127.0.0.1"] };

const startPair = async ({ edge: ofEdge, origin: ofOrigin }: { edge?: Settings; origin?: Settings } = {}) => {
  const tunnel = await freePort();
  const settings = {
    tunnel: `127.0.0.1:${tunnel}`,
    admin: "./edge.sock",
    workers: WORKERS,
    keys: [{ ...KEY, hosts: [{ host: HOST, bases: "url" }] }],
    ...ofEdge,
  };
  const [edge, origin] = await Promise.all([
    scene.start("edge-side", edgeYaml(settings)),
    scene.start("origin-side", originYaml(tunnel, site.port, ofOrigin)),
  ]);
  await allSay(edge, "link up", WORKERS);
  return { edge, origin, settings };
};

/** The edge's answers to visits of one URL, each on a connection of its own. */
const answers = async (edge: RealDaemon, visits: number, from = 1): Promise<unknown[]> => {
  const found: unknown[] = [];
  for (let n = 0; n < visits; n++) {
    await visitPage(site, edge.port("visitors"), { path: "/news" });
    found.push((await edge.access(from + n)).answer);
  }
  return found;
};

const bytesOf = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

const whole = (found: readonly unknown[]): number => found.filter((answer) => answer === "whole").length;

describe("an edge with two workers", () => {
  it("says once that it is ready, and gives a visitor the same worker on every connection", async () => {
    const { edge } = await startPair();
    expect(edge.log.filter(({ event }) => event === "ready")).toMatchObject([{ workers: WORKERS }]);
    expect(await answers(edge, 12)).toEqual(["whole", ...Array<string>(11).fill("delta")]);
  });

  it("learns a page once for each worker where visitors spread over them", async () => {
    const { edge } = await startPair({ edge: SPREAD });
    const found = await answers(edge, 24);
    expect(whole(found)).toBe(WORKERS);
    expect(whole(found.slice(1))).toBe(WORKERS - 1);
    expect(found.filter((answer) => answer === "delta")).toHaveLength(24 - WORKERS);
  });

  it("meets an origin side with two workers at four links, and no more", async () => {
    const { edge, origin } = await startPair({ origin: { workers: 2 }, edge: SPREAD });
    // Only then: a link that is one too many still takes pages until it drains, and they move when its worker's own link comes.
    await allSay(origin, "link up", 2, WORKERS);
    await until(() => linksOf(edge) === 4 && drained(edge), "four links, and no more");
    for (const worker of [1, 2]) expect(linksOf(edge, worker)).toBe(2);
    const visits = SECTIONS.length * VISITS_TO_REACH_ALL;
    const found: unknown[] = [];
    for (let n = 0; n < visits; n++) {
      await visitPage(site, edge.port("visitors"), { path: SECTIONS[n % SECTIONS.length] ?? "" });
      found.push((await edge.access(n + 1)).answer);
    }
    // Each page once for each worker of the edge, and at one worker of the origin side.
    expect(whole(found)).toBe(SECTIONS.length * WORKERS);
    expect(found.filter((answer) => answer === "delta")).toHaveLength(visits - SECTIONS.length * WORKERS);
    expect(linksOf(edge)).toBe(4);
    expect(origin.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("starts a worker again that was killed; meanwhile visitors go to the other one", async () => {
    const { edge } = await startPair({ edge: SPREAD });
    const [killed = 0, other] = workerPids(edge);
    process.kill(killed, "SIGKILL");
    expect(await edge.logged("worker ended")).toMatchObject({ worker: 1, end: "SIGKILL" });
    await answers(edge, 6);
    await edge.logged("worker serves", WORKERS + 1);
    await until(() => saidBy(edge, 1, "link up").length > 1, "a link to the new worker");
    expect(workerPids(edge)).toEqual([expect.not.toSatisfy((pid) => pid === killed), other]);
    const found = await answers(edge, 16, 7);
    // Nobody met a worker without a link, and the new one had to learn the page.
    expect(whole(found)).toBe(1);
  });

  it("finishes what runs on SIGTERM, ends with 0, and leaves no process behind", async () => {
    const { edge, origin } = await startPair({ edge: SPREAD });
    const pids = workerPids(edge);
    const { promise, resolve } = Promise.withResolvers<void>();
    onTestFinished(() => resolve());
    site.hold = promise;
    const slow = Array.from({ length: 8 }, () => visit(edge.port("visitors"), { path: "/slow" }));
    await site.askedReach(slow.length);
    for (const pid of pids) process.kill(pid, "SIGTERM");
    edge.signal("SIGTERM");
    await edge.logged("stopping");
    await expect(async () => {
      for (;;) await visit(edge.port("visitors"));
    }).rejects.toThrow("ECONNREFUSED");
    resolve();
    for (const { status, cut } of await Promise.all(slow)) expect([status, cut]).toEqual([200, false]);
    expect((await edge.ended).code).toBe(0);
    expect([...edge.log, ...origin.log].filter(({ level }) => level === "error")).toEqual([]);
    await expectGone(pids);
  });

  it("leaves no worker behind when it is killed", async () => {
    const { edge } = await startPair();
    const pids = workerPids(edge);
    await edge.kill();
    await expectGone(pids);
  });

  it("cuts off what does not end in time, and still ends with 0", async () => {
    const { edge } = await startPair({ edge: { times: { drain: "200ms" } } });
    const { promise, resolve } = Promise.withResolvers<void>();
    onTestFinished(() => resolve());
    site.hold = promise;
    const slow = visit(edge.port("visitors"));
    await site.askedReach(1);
    edge.signal("SIGTERM");
    expect(await slow).toMatchObject({ cut: true });
    expect((await edge.ended).code).toBe(0);
  });

  it("closes the links of a removed key in all workers, and takes over new hosts", async () => {
    const { edge, settings } = await startPair({ edge: SPREAD });
    edge.configure(
      edgeYaml({ ...settings, keys: [{ id: "other", secret: KEY.secret, hosts: ["other.example.com"] }] }),
    );
    edge.signal("SIGHUP");
    await edge.logged("config reloaded");
    await until(() => linksOf(edge) === 0, "the end of all links");
    for (const worker of [1, 2])
      expect(saidBy(edge, worker, "link down")[0]).toMatchObject({ code: "key-removed" });
    for (let n = 0; n < 8; n++) {
      const gone = await visit(edge.port("visitors"));
      expect(gone.status).not.toBe(200);
    }
    edge.configure(edgeYaml(settings));
    edge.signal("SIGHUP");
    await edge.logged("config reloaded", 2);
    await until(() => linksOf(edge, 1) === 1 && linksOf(edge, 2) === 1, "links to both again");
    await answers(edge, 8, 9);
  });

  it("erases in all workers what it is told to, and says how much", async () => {
    const { edge, settings, origin } = await startPair({ edge: SPREAD });
    // Spread by chance: each worker has as many versions of a URL as it keeps.
    await answers(edge, 40);
    const forget = await scene.command("edge-side", edgeYaml(settings), "forget", "--host", HOST);
    const kept = WORKERS * KEPT_PER_URL;
    expect([forget.code, forget.stdout]).toEqual([0, `${kept} version(s) of ${HOST} erased\n`]);
    await origin.logged("versions erased", WORKERS);
    expect(whole(await answers(edge, 40, 41))).toBe(WORKERS);
  });

  it("speaks HTTP/2 and HTTP/1.1 over TLS, with versions on both", async () => {
    const { certificate, privateKey } = makeAuthority().issue({ name: HOST });
    writeFileSync(join(scene.folder, "site.pem"), certificate);
    writeFileSync(join(scene.folder, "site.key"), privateKey, { mode: 0o600 });
    const tls = { listen: "127.0.0.1:0", certificate: "site.pem", privateKey: "site.key", compress: "off" };
    const { edge } = await startPair({ edge: { visitors: [tls] } });
    const over = { port: edge.port("visitors"), host: "127.0.0.1", servername: HOST };
    const trust = { rejectUnauthorized: false };
    for (const at of [1, 2, 3]) {
      const session = connectHttp2(`https://${HOST}`, {
        createConnection: () => connectTls({ ...over, ...trust, ALPNProtocols: ["h2"] }),
      });
      const stream = session.request({ ":path": "/news", ":authority": HOST });
      expect((await bytesOf(stream)).equals(site.sent.at(-1) ?? Buffer.alloc(0))).toBe(true);
      session.close();
      expect((await edge.access(at)).answer).toBe(at === 1 ? "whole" : "delta");
    }
    const socket = connectTls({ ...over, ...trust });
    socket.write(`GET /news HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
    expect((await bytesOf(socket)).includes(site.sent.at(-1) ?? "none")).toBe(true);
    expect((await edge.access(4)).answer).toBe("delta");
    edge.signal("SIGTERM");
    expect((await edge.ended).code).toBe(0);
  });

  it("carries an upgraded connection until each half has ended by itself", async () => {
    const web = createServer({ allowHalfOpen: true }, (socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        socket.on("end", () => socket.end("late"));
        socket.resume();
      });
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    onTestFinished(() => void web.close());
    const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    const { edge } = await startPair({ origin: { routes: [{ host: HOST, origin }] } });
    const visitor = connect({ port: edge.port("visitors"), host: "127.0.0.1", allowHalfOpen: true });
    visitor.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
    const heard = bytesOf(visitor);
    visitor.once("data", () => visitor.end());
    expect((await heard).toString()).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\nlate$/);
  });

  it("waits for no head that never comes", async () => {
    const { edge } = await startPair({ edge: { times: { idle: "1s" } } });
    const { said } = await talk(edge.port("visitors"), "GET / HTTP/1.1\r\nHo");
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("appends whole lines to one access log", async () => {
    const { edge } = await startPair({ edge: { ...SPREAD, accessLog: "./access.log" } });
    const targets = Array.from({ length: 60 }, (_, n) => `/${n}?${"x".repeat(9_000)}`);
    const visits = targets.map((path) => visit(edge.port("visitors"), { path }));
    for (const { status } of await Promise.all(visits)) expect(status).toBe(200);
    edge.signal("SIGTERM");
    await edge.ended;
    const lines = readFileSync(join(scene.folder, "access.log"), "utf8").trimEnd().split("\n");
    const written = lines.map((line) => (JSON.parse(line) as { target: string }).target);
    expect(written.sort()).toEqual(targets.sort());
  });

  it("tells of a certificate that cannot be used as one program does, and starts nothing", async () => {
    const [first, second] = [1, 2].map(() => makeAuthority().issue({ name: HOST }));
    writeFileSync(join(scene.folder, "site.pem"), first?.certificate ?? "");
    writeFileSync(join(scene.folder, "site.key"), second?.privateKey ?? "", { mode: 0o600 });
    const visitors = { listen: "127.0.0.1:0", certificate: "site.pem", privateKey: "site.key" };
    const run = (workers: number) => scene.command("edge-side", edgeYaml({ visitors, workers }), "run");
    const [alone, together] = [await run(1), await run(WORKERS)];
    expect(alone.code).toBe(1);
    expect(alone.stderr).toMatch(/^coilgun-edge: /);
    expect(together).toEqual(alone);
  });

  it("tells of a port in use as one program does, and starts nothing", async () => {
    const { edge, settings } = await startPair();
    const taken = edgeYaml({ ...settings, admin: undefined, visitors: `127.0.0.1:${edge.port("visitors")}` });
    const { code, stderr } = await scene.command("edge-side", { ...taken, tunnel: "127.0.0.1:0" }, "run");
    expect([code, stderr]).toEqual([
      1,
      `coilgun-edge: visitors: 127.0.0.1:${edge.port("visitors")} is in use; stop the program that listens there, or set another address\n`,
    ]);
  });
});
