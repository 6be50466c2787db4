/**
 * Several cores: edges as processes of their own that share the visitors' port with `reusePort`, before one origin side that
 * dials each of them.
 */
import { beforeEach, expect, it } from "vitest";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
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
import { until } from "../kit/until.ts";
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

const instanceYaml = (name: string, port: number) =>
  edgeYaml({
    visitors: { listen: `127.0.0.1:${port}`, reusePort: true },
    admin: `./${name}.sock`,
    keys: [{ ...KEY, hosts: [{ host: HOST, bases: "url" }] }],
  });

/** Two edges on one port, which the system chose for the first of them, and an origin side with a link to each. */
const startInstances = async () => {
  const first = await scene.start("edge-side", instanceYaml("first", 0));
  const port = first.port("visitors");
  const second = await scene.start("edge-side", instanceYaml("second", port));
  const edges = [first, second].map((edge) => ({
    address: `127.0.0.1:${edge.port("tunnel")}`,
    key: KEY,
    connections: 1,
  }));
  const origin = await scene.start("origin-side", originYaml(first.port("tunnel"), site.port, { edges }));
  await Promise.all([first, second].map((edge) => edge.logged("link up")));
  return { first, second, port, origin };
};

/** Visits one URL so many times, each on a connection of its own. */
const visitAgain = async (port: number, visits: number) => {
  for (let n = 0; n < visits; n++) await visitPage(site, port, { path: "/news" });
};

const allLogged = (edges: readonly RealDaemon[], visits: number) =>
  until(() => edges.reduce((sum, { accessed }) => sum + accessed.length, 0) === visits, "all access lines");

/** That all of them go to one edge happens once in 500,000,000 runs. */
const VISITS = 30;

it("edges that share a port both serve, and each learns the page once", async () => {
  const { first, second, port, origin } = await startInstances();
  expect(second.port("visitors")).toBe(port);
  await visitAgain(port, VISITS);
  await allLogged([first, second], VISITS);
  for (const { accessed } of [first, second]) {
    expect(accessed.length).toBeGreaterThan(0);
    const [learnt, ...later] = accessed.map(({ answer }) => answer);
    expect(learnt).toBe("whole");
    expect(later).toEqual(later.map(() => "delta"));
  }
  expect(origin.log.filter(({ event }) => event === "link up")).toHaveLength(2);
  expect(site.sent).toHaveLength(VISITS);
});

it("an edge forgets its own versions alone, and when it stops the other one has all visitors", async () => {
  const { first, second, port } = await startInstances();
  await visitAgain(port, VISITS);
  await allLogged([first, second], VISITS);
  for (const name of ["first", "second"]) {
    const { stdout } = await scene.command("edge-side", instanceYaml(name, port), "forget", "--host", HOST);
    expect(stdout).toMatch(/^[1-9]\d* versions of /);
  }
  first.signal("SIGTERM");
  expect((await first.ended).code).toBe(0);
  const before = second.accessed.length;
  await visitAgain(port, 3);
  await allLogged([second], before + 3);
  expect(second.accessed.slice(before).map(({ answer }) => answer)).toEqual(["whole", "delta", "delta"]);
});

it("an edge that may share its port cannot take one from an edge that does not", async () => {
  const alone = await scene.start("edge-side", edgeYaml({ admin: "./alone.sock", times: { link: "100ms" } }));
  const port = alone.port("visitors");
  const { code, stderr } = await scene.command("edge-side", instanceYaml("other", port), "run");
  expect([code, stderr]).toEqual([
    1,
    `coilgun-edge: visitors: 127.0.0.1:${port} is in use; stop the program that listens there, or set another address\n`,
  ]);
  expect((await visit(port)).status).toBe(503);
});
