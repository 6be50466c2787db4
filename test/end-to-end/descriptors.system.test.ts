/** A daemon that runs out of file descriptors says so once, blames nobody else, and serves again. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { openOrigin } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, HOST, openScene, originYaml } from "../kit/real-daemons.ts";
import { programOf } from "../kit/run-command.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const VISITORS = 100;

/** A daemon with room for 64 open files, and what it logs. */
const limitedTo64 = (side: "edge-side" | "origin-side", file: string) => {
  const words = ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath, programOf(side)];
  const daemon = spawn("bash", [...words, "run", "--config", file], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(daemon, "close");
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    await ended;
  });
  let said = "";
  daemon.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return {
    said: () => said,
    lines: (event: string) =>
      said.split("\n").flatMap((line) => (line.includes(`"event":"${event}"`) ? [JSON.parse(line)] : [])),
    async stop() {
      daemon.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
    },
  };
};

it("visitors beyond the limit of open files cost the log two lines, and no more than their own connections", async () => {
  await using scene = openScene();
  const file = join(scene.folder, "edge.yaml");
  writeFileSync(file, stringify(edgeYaml({ accessLog: "off" })), { mode: 0o600 });
  const { lines, said, stop } = limitedTo64("edge-side", file);
  await until(() => lines("ready").length === 1, `ready: ${said()}`);
  const port = Number(String(lines("ready")[0].visitors).split(":").at(-1));
  const ready = () => visit(port, { path: "/.well-known/coilgun/ready" });
  expect((await ready()).status).toBe(503);
  const sockets: Socket[] = [];
  let over = 0;
  for (let i = 0; i < VISITORS; i++) {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.once("close", () => over++).resume();
    socket.write("GET / HTTP/1.1\r\n");
    sockets.push(socket);
  }
  await until(() => over > VISITORS / 4, "connections that were closed");
  expect((await ready()).status).toBe(503);
  for (const socket of sockets) socket.destroy();
  expect((await ready()).status).toBe(503);
  await stop();
  // Of 64 an eighth is kept from visitors.
  expect(lines("limit reached")).toMatchObject([
    { limit: "descriptors", most: 56, hint: expect.stringContaining("ulimit -n") },
  ]);
  const [no, ...more] = lines("limit no longer reached");
  expect([no.limit, no.times > VISITORS / 4, more]).toEqual(["descriptors", true, []]);
});

it("an origin side without descriptors for its web servers refuses what it cannot ask for, and takes none of them for down", async () => {
  await using scene = openScene();
  const held: ServerResponse[] = [];
  let holds = true;
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    if (holds && request.url !== "/well") held.push(response);
    else response.end("page");
  };
  await using web = await openOrigin(serve);
  await using other = await openOrigin(serve);
  const edge = await scene.start("edge-side", edgeYaml());
  const file = join(scene.folder, "origin.yaml");
  const health = { path: "/well", interval: "100ms", unhealthy: 1 };
  const routes = [
    { host: HOST, origins: [web, other].map(({ port }) => `http://127.0.0.1:${port}`), health },
  ];
  const settings = originYaml(edge.port("tunnel"), web.port, { routes, accessLog: "off" });
  writeFileSync(file, stringify(settings), { mode: 0o600 });
  const origin = limitedTo64("origin-side", file);
  await until(() => origin.lines("link up").length === 1, `a link: ${origin.said()}`);
  const port = edge.port("visitors");
  const visits = Array.from({ length: VISITORS }, (_, i) => visit(port, { path: `/${i}` }));
  await until(() => origin.lines("limit reached").length === 1, "descriptors to run out");
  holds = false;
  for (const response of held) response.end("page");
  const statuses = (await Promise.all(visits)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  expect((await visit(port, { path: "/again" })).status).toBe(200);
  expect(origin.lines("limit reached")).toMatchObject([{ limit: "descriptors" }]);
  expect(origin.lines("upstream down")).toEqual([]);
  await origin.stop();
});
