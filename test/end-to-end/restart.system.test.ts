/**
 * Either side restarted under load, by hand (the next process is started, then the one before is told to stop) and as the systemd units
 * do it (the next one starts when the one before has ended; the edge's ports are held by a parent): 30 GETs a second on new and on kept
 * connections, one event stream open, none fails. COILGUN_REQUESTS=1000 is the long form.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, openScene, originYaml, type Scene, type Settings } from "../kit/real-daemons.ts";
import { programOf } from "../kit/run-command.ts";
import { askSteadily, servePage } from "../kit/steady-load.ts";
import { until } from "../kit/until.ts";
import { begin } from "../kit/visits.ts";

watchLeaks();

const REQUESTS = 90;
const EDGE = programOf("edge-side");
/** Holds descriptors 3 and 4, and starts an edge on them for each line it reads. */
const PARENT = `while read -r file; do
  sh -c 'echo "pid $$." >&2; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=visitors:tunnel exec "$0" "$@"' "$@" "$file" 3>&3 4>&4 &
done; wait`;

let scene: Scene;
let site: FakeOrigin;
beforeEach(async () => {
  scene = openScene();
  site = await openOrigin((request, response) => {
    if (request.url !== "/events") return servePage(request, response);
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    return response.write("data: 1\n\n");
  });
  return async () => {
    await scene[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
  };
});

/** A process of either side that can be told to stop. */
interface Process {
  stop(): void;
  readonly ended: () => Promise<unknown>;
}

const listening = async (): Promise<Server> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
};

const fdOf = (server: Server): number => (server as unknown as { _handle: { fd: number } })._handle.fd;
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Edges on ports that outlive them. */
const holdPorts = async (waits: Settings) => {
  const sockets = [await listening(), await listening()] as const;
  const [visitors, tunnel] = [portOf(sockets[0]), portOf(sockets[1])];
  const file = join(scene.folder, "held.yaml");
  const settings = { accessLog: "off", admin: "./edge.sock", times: waits };
  writeFileSync(file, stringify(edgeYaml(settings)), { mode: 0o600 });
  const parent = spawn("sh", ["-c", PARENT, "sh", process.execPath, EDGE, "run", "--config"], {
    stdio: ["pipe", "ignore", "pipe", ...sockets.map(fdOf)],
  });
  for (const each of sockets) each.close();
  let said = "";
  parent.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const pids = () => [...said.matchAll(/pid (\d+)\./g)].map(([, pid]) => Number(pid));
  const times = (event: string) => said.split(`"${event}"`).length - 1;
  const closed = once(parent, "close");
  onTestFinished(async () => {
    parent.stdin?.end();
    for (const pid of pids().slice(times("stopped"))) process.kill(pid, "SIGKILL");
    await closed;
  });
  let started = 0;
  const start = async (): Promise<Process> => {
    const number = ++started;
    parent.stdin?.write(`${file}\n`);
    await until(() => times("ready") >= number, `edge ${number}: ${said}`);
    const pid = pids()[number - 1] ?? 0;
    return {
      stop: () => process.kill(pid, "SIGTERM"),
      ended: () => until(() => times("stopped") >= number, `the end of edge ${number}`),
    };
  };
  return { visitors, tunnel, start, said: () => said };
};

const openStream = async (port: number): Promise<void> => {
  const stream = await begin(port, { path: "/events" });
  stream.on("error", () => {}).resume();
};

type Way = "by hand" | "as the units do";

const restart = async (way: Way, before: Process, start: () => Promise<Process>): Promise<Process> => {
  if (way === "by hand") {
    const next = await start();
    before.stop();
    await before.ended();
    return next;
  }
  before.stop();
  await before.ended();
  return start();
};

describe.each<Way>(["by hand", "as the units do"])("restarted %s, no request fails", (way) => {
  it.each(["edge", "origin"] as const)("at the %s side", async (side) => {
    // There is no origin side until the next one has started, which takes long where the machine has much else to do.
    const isGap = way === "as the units do" && side === "origin";
    const edges = await holdPorts(isGap ? { link: "60s" } : {});
    const edge = await edges.start();
    const startOrigin = async (): Promise<Process> => {
      const origin = await scene.start(
        "origin-side",
        originYaml(edges.tunnel, site.port, { accessLog: "off", admin: "./origin.sock" }),
      );
      return { stop: () => origin.signal("SIGTERM"), ended: () => origin.ended };
    };
    const origin = await startOrigin();
    await until(() => edges.said().includes('"link up"'), "the link");
    await openStream(edges.visitors);
    const restarted = side === "edge" ? restart(way, edge, edges.start) : restart(way, origin, startOrigin);
    const load = { requests: REQUESTS, over: restarted };
    expect(await askSteadily(edges.visitors, load)).toEqual({ 200: expect.any(Number) });
  });
});
