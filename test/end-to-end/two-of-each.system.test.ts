/**
 * Two edges and two origin sides, each origin side with links to both edges, and a balancer in front as the examples have it: one after the
 * other is drained and started anew while GETs and POSTs come, and none fails. Real processes. The long form has more requests:
 * COILGUN_REQUESTS=1000. Figures are in test/RESULTS.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { freePort, openOrigin } from "../kit/fake-origin.ts";
import { describeWith } from "../kit/outside-program.ts";
import { startOutside } from "../kit/outside-server.ts";
import { edgeYaml, KEY, openScene, originYaml, type RealDaemon } from "../kit/real-daemons.ts";
import { askSteadily, servePage } from "../kit/steady-load.ts";
import { until } from "../kit/until.ts";
import { type Asking, visit } from "../kit/visits.ts";

const REQUESTS = 120;
const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "balancer");

/** The example with the ports that are free here, and what only a daemon of the system may have. */
const configured = (name: string, ports: readonly number[], folder: string): string => {
  const file = join(folder, name);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(" ");
  const text = readFileSync(join(EXAMPLES, name), "utf8")
    .replace(/127\.0\.0\.1:808(\d)/g, (_, digit: string) => `127.0.0.1:${ports[Number(digit)]}`)
    .replace("pid /run/nginx.pid;", `pid ${folder}/nginx.pid; daemon off; error_log stderr;`)
    .replace("worker_processes auto;", "worker_processes 1;")
    .replace("access_log off;", `access_log off; ${temporary}`);
  writeFileSync(file, text);
  return file;
};

const startScene = async () => {
  const scene = openScene();
  onTestFinished(() => scene[Symbol.asyncDispose]());
  const site = await openOrigin(servePage);
  onTestFinished(() => site[Symbol.asyncDispose]());
  const yamls = await Promise.all(
    [1, 2].map(async () =>
      edgeYaml({ visitors: `127.0.0.1:${await freePort()}`, tunnel: `127.0.0.1:${await freePort()}` }),
    ),
  );
  const startEdge = (number: number) => scene.start("edge-side", yamls[number] ?? {});
  const edges = await Promise.all([startEdge(0), startEdge(1)]);
  const dialled = edges.map((edge) => ({
    address: `127.0.0.1:${edge.port("tunnel")}`,
    key: KEY,
    connections: 1,
  }));
  const startOrigin = () => scene.start("origin-side", originYaml(0, site.port, { edges: dialled }));
  const origins = await Promise.all([startOrigin(), startOrigin()]);
  await Promise.all(edges.map((edge) => edge.logged("link up", 2)));
  return { scene, site, edges, origins, startEdge, startOrigin };
};

/** Each fourth with POST, none may fail. */
const expectAllAnswered = async (port: number, over: Promise<unknown>): Promise<void> => {
  const asking = (n: number): Asking =>
    n % 4 === 3 ? { method: "POST", path: `/order?${n}`, body: Buffer.from("one") } : { path: `/page?${n}` };
  const outcomes = await askSteadily(port, { requests: REQUESTS, over, asking });
  expect(outcomes).toEqual({ 200: expect.any(Number) });
};

const drained = async (daemon: RealDaemon | undefined): Promise<void> => {
  daemon?.signal("SIGTERM");
  expect((await daemon?.ended)?.code).toBe(0);
};

it("of two origin sides one is drained and another one comes, then the other way round: no request fails", async () => {
  const { edges, origins, startOrigin } = await startScene();
  const roll = async () => {
    await drained(origins[0]);
    await startOrigin();
    await Promise.all(edges.map((edge) => edge.logged("link up", 3)));
    await drained(origins[1]);
  };
  await expectAllAnswered(edges[0]?.port("visitors") ?? 0, roll());
});

for (const [name, config, args] of [
  ["nginx", "nginx.conf", (file: string) => ["-c", file]],
  ["haproxy", "haproxy.cfg", (file: string) => ["-db", "-f", file]],
] as const)
  describeWith(
    { names: [name], get: `install ${name} (Debian, Ubuntu: apt-get install ${name})` },
    `behind ${name}`,
    (path) => {
      it("an edge is drained and started anew, then an origin side: no request fails", async () => {
        const { scene, edges, origins, startEdge } = await startScene();
        const port = await freePort();
        const ports = [port, ...edges.map((edge) => edge.port("visitors"))];
        const balancer = await startOutside(path, args(configured(config, ports, scene.folder)), port);
        onTestFinished(() => balancer[Symbol.asyncDispose]());
        const answers = () =>
          visit(port, { path: "/warm" }).then(
            ({ status }) => status === 200,
            () => false,
          );
        let up = false;
        for (const stop = performance.now() + 20_000; !up && performance.now() < stop; ) up = await answers();
        expect(up).toBe(true);
        const roll = async () => {
          await drained(edges[0]);
          const again = await startEdge(0);
          await again.logged("link up", 2);
          await drained(origins[0]);
        };
        await expectAllAnswered(port, roll());
        await until(() => (edges[1]?.accessed.length ?? 0) > 0, "the other edge served");
      });
    },
  );
