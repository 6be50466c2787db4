/** What systemd hears (sd_notify), by a real receiver of datagrams: python3, as Node opens no such socket; left out where there is none. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { ServiceManager } from "../../../protocol/daemon/service-manager.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { until } from "../../kit/until.ts";

watchLeaks();

const RECEIVE = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(65536).decode().strip().replace("\\n", " "), flush=True)`;

const isThere = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

/** What was received, but for what systemd-notify adds to wait for it. */
const receive = async (path: string): Promise<readonly string[]> => {
  const receiver = spawn("python3", ["-c", RECEIVE, path], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(receiver, "close");
  onTestFinished(async () => {
    receiver.kill("SIGKILL");
    await ended;
  });
  const heard: string[] = [];
  createInterface({ input: receiver.stdout }).on("line", (line) => {
    if (line !== "BARRIER=1") heard.push(line);
  });
  await until(() => heard.length === 1, "the receiver");
  return heard;
};

it.skipIf(!isThere("python3") || !isThere("systemd-notify"))(
  "systemd hears that it is ready, reloads, lives and stops, each as one message in its order",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "coilgun-notify-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "notify");
    const heard = await receive(path);
    const clock = new FakeClock();
    const manager = new ServiceManager(clock, {
      PATH: process.env.PATH,
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: "60000000",
    });
    manager.ready("serving *");
    await clock.advance(29_999);
    manager.reloading();
    manager.ready("serving *");
    await clock.advance(1);
    manager.stopping();
    manager.close();
    await until(() => heard.length >= 6, "all messages");
    expect(heard).toEqual([
      "bound",
      "READY=1 STATUS=serving *",
      expect.stringMatching(/^RELOADING=1 MONOTONIC_USEC=\d+$/),
      "READY=1 STATUS=serving *",
      "WATCHDOG=1",
      "STOPPING=1 STATUS=finishing what runs",
    ]);
    expect(clock.timers).toBe(0);
  },
);

it("beats for nobody whose watchdog is another process's, and starts nothing where no manager asked", async () => {
  const clock = new FakeClock();
  const manager = new ServiceManager(clock, {
    WATCHDOG_USEC: "60000000",
    WATCHDOG_PID: `${process.pid + 1}`,
  });
  manager.ready("serving");
  expect(clock.timers).toBe(0);
  manager.close();
});
