/**
 * The life of a worker: it waits for its config, starts, serves what it is given, and ends when its daemon says so, or is
 * gone. Signals are for the daemon, who tells its workers what they mean.
 */
import type { Socket } from "node:net";
import { type ConfigCopy, readCopy } from "../config/config-snapshot.ts";
import type { LogSettings } from "../config/log-settings.ts";
import type { SchemaFor } from "../config/parse-config.ts";
import { EXIT } from "../daemon/cli.ts";
import { type Log, makeLog, type RootLog } from "../daemon/log.ts";
import type { RunningDaemon } from "../daemon/run-daemon.ts";
import { type FromWorker, failureOf, isToWorker, type ToWorker, type WorkerPlace } from "./messages.ts";

export interface RunningWorker<Config> extends RunningDaemon<Config> {
  /** The answer to a question that all workers are asked. */
  answer?(about: unknown): Promise<unknown>;
  /** Serves a connection that came in at one of the daemon's doors. */
  serve?(door: number, socket: Socket): void;
}

export interface WorkerToRun<Config> {
  readonly schema: SchemaFor<Config>;
  start(
    config: Config,
    given: { readonly log: Log; readonly place: WorkerPlace; tell(news: unknown): void },
  ): Promise<RunningWorker<Config>>;
}

/** Signals that a terminal or a service's keeper may send to the whole group of processes. */
const FOR_THE_DAEMON = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Runs until the process ends. */
export const runWorker = <Config extends { readonly log: LogSettings }>(given: WorkerToRun<Config>): void => {
  for (const signal of FOR_THE_DAEMON) process.on(signal, () => {});
  // Without a daemon nobody could reload, stop or restart it.
  process.on("disconnect", () => process.exit(EXIT.failed));
  // What was loaded before may have let go of the channel; it is what keeps a worker without a link alive.
  process.channel?.ref();
  let worker: Promise<Started<Config>> | undefined;
  process.on("message", (message: unknown, socket: unknown) => {
    if (!isToWorker(message)) return;
    if (message.to === "start") worker = begin(given, message);
    else void worker?.then((started) => obey(started, given, message, socket as Socket | undefined));
  });
};

interface Started<Config> {
  readonly running: RunningWorker<Config>;
  readonly log: RootLog;
}

const begin = async <Config extends { readonly log: LogSettings }>(
  given: WorkerToRun<Config>,
  { copy, place }: { readonly copy: ConfigCopy; readonly place: WorkerPlace },
): Promise<Started<Config>> => {
  try {
    const config = readCopy(copy, given.schema);
    const log = makeLog(config.log);
    const tell = (news: unknown) => say({ from: "news", news });
    const running = await given.start(config, { log: log.with({ worker: place.number }), place, tell });
    say({ from: "ready" });
    return { running, log };
  } catch (error) {
    say({ from: "failed", why: failureOf(error) }, () => process.exit(EXIT.failed));
    return new Promise(() => {});
  }
};

const obey = async <Config extends { readonly log: LogSettings }>(
  { running, log }: Started<Config>,
  { schema }: WorkerToRun<Config>,
  message: Exclude<ToWorker, { readonly to: "start" }>,
  socket: Socket | undefined,
): Promise<void> => {
  switch (message.to) {
    case "serve":
      // Undefined: the visitor was gone before it got here.
      if (socket !== undefined) running.serve?.(message.door, socket);
      return;
    case "answer":
      return reply(message.ticket, async () => running.answer?.(message.about));
    case "reload":
      return reply(message.ticket, async () => {
        const config = readCopy(message.copy, schema);
        await running.reload(config);
        log.setLevel(config.log.level);
      });
    case "stop":
      await running.stop().catch((error: unknown) => {
        log.error("stopping failed", { error });
        process.exit(EXIT.failed);
      });
      process.exit(EXIT.done);
  }
};

const reply = async (ticket: number, work: () => Promise<unknown>): Promise<void> => {
  try {
    say({ from: "done", ticket, answer: await work() });
  } catch (error) {
    say({ from: "undone", ticket, why: failureOf(error) });
  }
};

/** The end of the channel is heard of as such, and no error here. */
const say = (message: FromWorker, said: () => void = () => {}): void =>
  void process.send?.(message, undefined, {}, said);
