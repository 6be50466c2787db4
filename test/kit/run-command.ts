/** One of the executables as a child process, for tests of what a person sees of it; built-daemons.ts says from what it runs. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** This checkout. */
export const ROOT = join(import.meta.dirname, "..", "..");

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when standard error has a line with `part`; rejects when the command ends without. */
  said(part: string): Promise<string>;
  readonly ended: Promise<Ended>;
}

type Side = "edge-side" | "origin-side";

/** The file that is run. */
export const programOf = (side: Side): string => {
  const built = process.env.COILGUN_BUILT;
  return built === undefined ? join(ROOT, side, "main.ts") : join(built, side, "main.js");
};

/** The file of the bench that is run, or another one that the bench runs. */
export const benchProgram = (name: "main" | "demo" | "kill-writer"): string => {
  const built = process.env.COILGUN_BUILT;
  if (built !== undefined) return join(built, "bench", "all", `${name}.js`);
  return join(ROOT, "bench", name === "kill-writer" ? "restart" : "", `${name}.ts`);
};

/** Starts it; `cwd` matters to names of files. `root`: of another checkout. */
export const startCommand = (
  side: Side,
  words: readonly string[],
  cwd: string,
  nodeArgs: readonly string[] = [],
  root?: string,
): Running =>
  startScript(
    [...nodeArgs, root === undefined ? programOf(side) : join(root, side, "main.ts"), ...words],
    cwd,
  );

/** Any script, with the arguments of node. */
export const startScript = (args: readonly string[], cwd = ROOT): Running => {
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
  });
  const heard = { stdout: "", stderr: "" };
  const looking = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      heard[name] += text;
      for (const look of looking) look();
    });
  }
  const ended = once(child, "close").then(
    ([code]: (number | null)[]): Ended => ({ code: code ?? null, ...heard }),
  );
  return {
    child,
    ended,
    said: (part) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const look = () => {
        const line = heard.stderr
          .split("\n")
          .slice(0, -1)
          .findLast((each) => each.includes(part));
        if (line !== undefined) resolve(line);
      };
      looking.add(look);
      look();
      ended.then(({ stderr }) =>
        reject(new Error(`it ended without saying ${JSON.stringify(part)}: ${stderr}`)),
      );
      return promise.finally(() => looking.delete(look));
    },
  };
};

/** Runs it to its end. */
export const runCommand = (side: Side, words: readonly string[], cwd: string): Promise<Ended> =>
  startCommand(side, words, cwd).ended;
