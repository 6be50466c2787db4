/**
 * An origin daemon with several workers, as processes: each is an origin side of its own, templates stay with one of them, and
 * they are reloaded, restarted, asked and stopped as one.
 */
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
import { freePort } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import {
  edgeYaml,
  HOST,
  openScene,
  originYaml,
  type RealDaemon,
  type Scene,
  type Settings,
} from "../kit/real-daemons.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";
import { allSay, expectGone, saidBy, workerPids } from "../kit/worker-logs.ts";

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

const startPair = async (settings: Settings = {}) => {
  const tunnel = await freePort();
  const [edge, origin] = await Promise.all([
    scene.start("edge-side", edgeYaml({ tunnel: `127.0.0.1:${tunnel}`, admin: "./edge.sock" })),
    scene.start("origin-side", originYaml(tunnel, site.port, { workers: WORKERS, ...settings })),
  ]);
  await edge.logged("link up", WORKERS);
  return { edge, origin };
};

/** Paths of templates of their own: the edge spreads them over the workers, all to one of them once in 500,000 runs. */
const SECTIONS = Array.from("abcdefghijklmnopqrst", (letter) => `/section${letter}/news`);

/** The edge's answers to visits of these paths, in order. */
const answersTo = async (
  edge: RealDaemon,
  paths: readonly string[],
  from: number,
): Promise<readonly unknown[]> => {
  const answers: unknown[] = [];
  for (const [i, path] of paths.entries()) {
    await visitPage(site, edge.port("visitors"), { path });
    answers.push((await edge.access(from + i)).answer);
  }
  return answers;
};

const expectDeltasAgain = async (edge: RealDaemon, from: number) => {
  const again = await answersTo(edge, SECTIONS, from);
  expect(new Set(again)).toEqual(new Set(["delta"]));
};

describe("an origin side with two workers", () => {
  it("says once that it is ready, dials from each, and answers repeat visits with deltas", async () => {
    const { edge, origin } = await startPair();
    expect(origin.log.filter(({ event }) => event === "ready")).toMatchObject([{ workers: WORKERS }]);
    await allSay(origin, "link up", WORKERS);
    await answersTo(edge, SECTIONS, 1);
    await expectDeltasAgain(edge, SECTIONS.length + 1);
  });

  it("writes its access log in whole lines, of all workers", async () => {
    const { edge, origin } = await startPair();
    const visits = Array.from({ length: 60 }, (_, i) =>
      visit(edge.port("visitors"), { path: `${SECTIONS[i % SECTIONS.length]}?${i}${"x".repeat(3_000)}` }),
    );
    for (const { status } of await Promise.all(visits)) expect(status).toBe(200);
    const lines = await Promise.all(visits.map((_, i) => origin.access(i + 1)));
    expect(lines.filter((line) => line.status !== 200)).toEqual([]);
  });

  it("starts a worker again that was killed; meanwhile the other one serves", async () => {
    const { edge, origin } = await startPair();
    await answersTo(edge, SECTIONS, 1);
    const [killed = 0, other] = workerPids(origin);
    process.kill(killed, "SIGKILL");
    await origin.logged("worker ended");
    expect(await origin.logged("worker ended")).toMatchObject({ worker: 1, end: "SIGKILL" });
    await visitPage(site, edge.port("visitors"), { path: "/meanwhile" });

    await origin.logged("worker serves", WORKERS + 1);
    await edge.logged("link up", WORKERS + 1);
    expect(workerPids(origin)).toEqual([expect.not.toSatisfy((pid) => pid === killed), other]);
    const from = SECTIONS.length + 2;
    await answersTo(edge, SECTIONS, from);
    await expectDeltasAgain(edge, from + SECTIONS.length);
    expect(saidBy(origin, 2, "link down")).toEqual([]);
  });

  it("finishes what runs on SIGTERM, ends with 0, and leaves no process behind", async () => {
    const { edge, origin } = await startPair();
    const pids = workerPids(origin);
    const { promise, resolve } = Promise.withResolvers<void>();
    onTestFinished(() => resolve());
    site.hold = promise;
    const slow = SECTIONS.map((path) => visit(edge.port("visitors"), { path }));
    await site.askedReach(SECTIONS.length);
    // As a terminal or a service's keeper does: to the whole group.
    for (const pid of pids) process.kill(pid, "SIGTERM");
    origin.signal("SIGTERM");
    await edge.logged("link draining", WORKERS);
    resolve();
    for (const { status, cut } of await Promise.all(slow)) expect([status, cut]).toEqual([200, false]);
    expect((await origin.ended).code).toBe(0);
    expect(origin.log.filter(({ level }) => level === "error")).toEqual([]);
    await expectGone(pids);
  });

  it("leaves no worker behind when it is killed", async () => {
    const { origin } = await startPair();
    const pids = workerPids(origin);
    await origin.kill();
    await expectGone(pids);
  });

  it("takes over new routes in all workers, also in one that is started later", async () => {
    const { edge, origin } = await startPair();
    await using other = await openSite();
    origin.configure(originYaml(edge.port("tunnel"), other.port, { workers: WORKERS }));
    origin.signal("SIGHUP");
    await origin.logged("config reloaded");
    for (const path of SECTIONS) await visitPage(other, edge.port("visitors"), { path });

    process.kill(workerPids(origin)[0] ?? 0, "SIGKILL");
    await edge.logged("link up", WORKERS + 1);
    for (const path of SECTIONS) await visitPage(other, edge.port("visitors"), { path });
    expect(site.sent).toEqual([]);
  });

  it("runs a worker that is started again on the config in use, not on a broken file", async () => {
    const { edge, origin } = await startPair();
    origin.configure({ nonsense: true });
    origin.signal("SIGHUP");
    await origin.logged("config not reloaded: the one in use stays");
    process.kill(workerPids(origin)[1] ?? 0, "SIGKILL");
    await edge.logged("link up", WORKERS + 1);
    for (const path of SECTIONS) await visitPage(site, edge.port("visitors"), { path });
  });

  it("erases what it is told to in all workers", async () => {
    const { edge, origin } = await startPair();
    await answersTo(edge, SECTIONS, 1);
    const settings = edgeYaml({ admin: "./edge.sock" });
    expect(await scene.command("edge-side", settings, "forget", "--host", HOST)).toMatchObject({ code: 0 });
    await allSay(origin, "versions erased", WORKERS);
    const erased = origin.log.filter(({ event }) => event === "versions erased");
    expect(erased.reduce((sum, line) => sum + Number(line.erased), 0)).toBe(SECTIONS.length);
    // No template went to one worker alone.
    expect(erased.filter(({ erased }) => erased === 0)).toEqual([]);
  });

  it("tells of a wrong config as one program does, and starts nothing", async () => {
    const ended = await scene.command("origin-side", { ...originYaml(1, 1), workers: 65 }, "run");
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^\S+:\d+:\d+: workers must be a whole number from 1 to 64, or auto/);
  });
});

it("keeps `connections` links from each worker to an edge that is one program", async () => {
  const tunnel = await freePort();
  const origin = originYaml(tunnel, site.port, { workers: WORKERS });
  const [edgeSettings] = origin.edges as [object];
  const [edge] = await Promise.all([
    scene.start("edge-side", edgeYaml({ tunnel: `127.0.0.1:${tunnel}` })),
    scene.start("origin-side", { ...origin, edges: [{ ...edgeSettings, connections: 2 }] }),
  ]);
  await edge.logged("link up", 4);
  await until(() => edge.log.every(({ event }) => event !== "link down"));
});
