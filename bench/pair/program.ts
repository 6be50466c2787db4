/**
 * The harness's own programs (web server, plain proxy, emulator, load) as processes of their own, so that none of them
 * is in the CPU time or on the event loop of what is measured. Settings go in as an argument; the address comes back.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Asking, answerQuestions, ask } from "./child-channel.ts";

const ENDING = import.meta.url.endsWith(".ts") ? "ts" : "js";

/** The file beside this one that `name` stands for, as it is run: from its source, or built. */
const siblingFile = (name: string): URL => new URL(`./${name}.${ENDING}`, import.meta.url);

/** Node options of every measured process: load what tells of its health. */
export const WATCHED: readonly string[] = ["--import", siblingFile("vital-signs").href];

export interface Program {
  /** host:port where it listens; empty if it does not. */
  readonly address: string;
  readonly child: ChildProcess;
  close(): Promise<void>;
}

export interface ProgramOptions extends Asking {
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
}

/** Starts a program of this folder; resolves when it says where it listens. */
export async function startProgram(
  name: string,
  settings: object,
  { nodeOptions = [], ...asking }: ProgramOptions,
): Promise<Program> {
  const child = fork(fileURLToPath(siblingFile(name)), [JSON.stringify(settings)], {
    execArgv: [...nodeOptions],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const ended = once(child, "close");
  const close = async () => {
    child.kill("SIGKILL");
    await ended;
    process.off("exit", killAtExit);
  };
  try {
    const address = await ask(child, "address", undefined, asking);
    return { address: String(address), child, close };
  } catch (error) {
    await close();
    throw new Error(`the ${name} of the measurement did not start`, { cause: error });
  }
}

/** In a program: starts it with its settings, and ends it when the harness is gone. */
export function runProgram<Settings>(start: (settings: Settings) => Promise<string>): void {
  const address = start(JSON.parse(process.argv[2] ?? "{}") as Settings);
  // The answer carries the failure; until somebody asks, it is nobody's.
  address.catch(() => undefined);
  answerQuestions("address", () => address);
  process.channel?.ref();
  process.on("disconnect", () => process.exit(0));
}
