/** Ports that outlive the edge: two processes one after the other on sockets that a parent holds, as systemd does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml } from "../kit/real-daemons.ts";
import { programOf } from "../kit/run-command.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const EDGE = programOf("edge-side");
/** Holds descriptors 3 and 4 while it runs the edge twice; says the process id of each. */
const TWICE = `for run in 1 2; do
  sh -c 'echo "pid $$." >&2; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=visitors:tunnel exec "$0" "$@"' "$@"
done`;

const listening = async (): Promise<Server> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
};

const fdOf = (server: Server): number => (server as unknown as { _handle: { fd: number } })._handle.fd;

it("a visitor who comes while no edge runs waits in the socket, and gets its answer from the next one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-sockets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "edge.yaml");
  writeFileSync(file, stringify(edgeYaml({ times: { link: "100ms" } })), { mode: 0o600 });
  const sockets = [await listening(), await listening()];
  const [visitors, tunnel] = sockets.map((each) => (each.address() as AddressInfo).port);
  const words = ["-c", TWICE, "sh", process.execPath, EDGE, "run", "--config", file];
  const parent = spawn("sh", words, { stdio: ["ignore", "ignore", "pipe", ...sockets.map(fdOf)] });
  for (const each of sockets) each.close();
  let said = "";
  parent.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const pids = () => [...said.matchAll(/pid (\d+)\./g)].map(([, pid]) => Number(pid));
  const ready = () => said.split('"ready"').length - 1;
  onTestFinished(() => {
    if (parent.exitCode === null) for (const pid of pids().slice(-1)) process.kill(pid, "SIGKILL");
  });

  await until(() => ready() === 1, "the first edge");
  expect(said).toContain(`"visitors":"127.0.0.1:${visitors}","tunnel":"127.0.0.1:${tunnel}"`);
  const [first = 0] = pids();
  process.kill(first, "SIGTERM");
  await until(() => said.includes('"stopped"'), "its end");
  // Nobody serves the host yet, and that is an answer.
  const { status } = await visit(visitors ?? 0);
  expect([status, ready()]).toEqual([503, 2]);
  const ended = once(parent, "exit");
  process.kill(pids()[1] ?? 0, "SIGTERM");
  expect(await ended).toEqual([0, null]);
});
