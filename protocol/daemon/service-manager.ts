/**
 * What systemd is told (sd_notify(3)): ready, reloading, stopping, and that the daemon lives (WatchdogSec=). Node opens no datagram
 * socket of unix, so one shell, started once, passes the lines on to systemd-notify: the unit needs NotifyAccess=all. Silent where no
 * manager asked for it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { type Clock, monotonicMicros, type Timer } from "../runtime/clock.ts";

/** A line for each message, its assignments parted by tabs. */
const PASS_ON = "IFS='\t'; set -f; while read -r line; do systemd-notify $line; done";

export class ServiceManager {
  readonly #clock: Clock;
  readonly #env: NodeJS.ProcessEnv;
  #shell: ChildProcess | undefined;
  #beat: Timer | undefined;

  constructor(clock: Clock, env: NodeJS.ProcessEnv = process.env) {
    this.#clock = clock;
    this.#env = env;
  }

  ready(status: string): void {
    this.#tell("READY=1", `STATUS=${status}`);
    this.#beat ??= this.#keepBeating();
  }

  reloading(): void {
    this.#tell("RELOADING=1", `MONOTONIC_USEC=${monotonicMicros()}`);
  }

  stopping(): void {
    this.#tell("STOPPING=1", "STATUS=finishing what runs");
  }

  /** The shell ends when it has passed on what it was given. */
  close(): void {
    this.#beat?.cancel();
    this.#shell?.stdin?.end();
  }

  #keepBeating(): Timer | undefined {
    const { WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = this.#env;
    if (usec === undefined || (pid !== undefined && Number(pid) !== process.pid)) return undefined;
    return this.#clock.after(Number(usec) / 2_000, () => {
      this.#tell("WATCHDOG=1");
      this.#beat = this.#keepBeating();
    });
  }

  #tell(...assignments: readonly string[]): void {
    if (this.#env.NOTIFY_SOCKET === undefined) return;
    if (this.#shell === undefined) {
      const shell = spawn("sh", ["-c", PASS_ON], { stdio: ["pipe", "ignore", "ignore"], env: this.#env });
      // One that cannot be started, or was killed, is tried again with the next message.
      const lost = () => {
        this.#shell = undefined;
      };
      shell.once("error", lost).once("exit", lost).unref();
      shell.stdin.on("error", () => {});
      this.#shell = shell;
    }
    this.#shell.stdin?.write(`${assignments.join("\t")}\n`);
  }
}
