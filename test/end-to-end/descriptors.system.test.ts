/** An edge that runs out of file descriptors keeps its port, says so once, and serves again. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, openScene } from "../kit/real-daemons.ts";
import { programOf } from "../kit/run-command.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const EDGE = programOf("edge-side");
const VISITORS = 100;

it("visitors beyond the limit of open files cost the log two lines, and no more than their own connections", async () => {
  await using scene = openScene();
  const file = join(scene.folder, "edge.yaml");
  writeFileSync(file, stringify(edgeYaml({ accessLog: "off" })), { mode: 0o600 });
  const limited = ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath, EDGE, "run", "--config", file];
  const edge = spawn("bash", limited, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(edge, "close");
  onTestFinished(async () => {
    edge.kill("SIGKILL");
    await ended;
  });
  let said = "";
  edge.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const lines = (event: string) =>
    said.split("\n").flatMap((line) => (line.includes(`"event":"${event}"`) ? [JSON.parse(line)] : []));
  await until(() => lines("ready").length === 1, `ready: ${said}`);
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
  edge.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect(lines("limit reached")).toMatchObject([{ limit: "descriptors" }]);
  const [no, ...more] = lines("limit no longer reached");
  expect([no.limit, no.times > VISITORS / 4, more]).toEqual(["descriptors", true, []]);
});
