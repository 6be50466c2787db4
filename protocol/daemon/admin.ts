/**
 * How an operator's command reaches the running daemon: HTTP over a unix socket that only the daemon's own user may open,
 * so there is no password and no port. GET / says that it lives; everything else it can do is a duty with a name.
 */
import { chmodSync, lstatSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type Clock, DeadlineError, systemClock } from "../runtime/clock.ts";
import { Complaint, codeOf } from "../runtime/user-error.ts";
import { PRIVATE_MODE } from "./private-file.ts";

export interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the daemon does when asked, by name; the question is JSON, or undefined where it was none. */
export type AdminDuties = Readonly<Record<string, (asked: unknown) => Promise<Reply>>>;

export interface Admin {
  /** Another daemon answered there until now; it finishes what it does, and leaves this socket alone. */
  readonly tookOver: boolean;
  /** Stops answering and removes the socket, unless the next process has put its own there. */
  close(): Promise<void>;
}

/** A question is a host and a URL; anything longer is not one. @internal */
export const LONGEST_QUESTION_BYTES = 64 * 1024;

/** How long a command waits for the daemon's word. @internal */
export const ADMIN_ANSWER_MS = 30_000;

/**
 * Answers at `path` until closed. The socket of another daemon is replaced in one step, dead or alive: the next process takes over while
 * the one before finishes. Throws Complaint when the path is something else than a socket.
 */
export const serveAdmin = async (path: string, duties: AdminDuties): Promise<Admin> => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket())
    throw new Complaint(`${path} is not a socket; remove it, or set admin to another path`);
  const tookOver = found !== undefined && (await isDaemonAt(path));
  const server = createServer((question, answer) => {
    reply(question, duties).then(
      ({ status, body }) => send(answer, status, body),
      // The daemon's own error is for its log, not for this wire; the asker learns that it failed.
      () => send(answer, 500, { problem: "the daemon could not do it" }),
    );
  });
  // Bound under a name of its own, which Node removes at the end, whoever has the path by then.
  const own = `${path}.${process.pid}`;
  rmSync(own, { force: true });
  await listening(server, own);
  chmodSync(own, PRIVATE_MODE);
  const { ino } = lstatSync(own);
  renameSync(own, path);
  return {
    tookOver,
    close: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) unlinkSync(path);
      return promise;
    },
  };
};

const listening = (server: Server, path: string): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (cause) =>
    reject(
      new Complaint(`the admin socket ${path} cannot be made (${codeOf(cause)}); set admin to another path`, {
        cause,
      }),
    ),
  );
  server.listen(path, resolve);
  return promise;
};

const reply = async (question: IncomingMessage, duties: AdminDuties): Promise<Reply> => {
  const { method, url } = question;
  if (method === "GET" && url === "/") return { status: 200, body: { alive: true } };
  const duty = method === "POST" && Object.entries(duties).find(([name]) => url === `/${name}`)?.[1];
  return duty ? duty(jsonOf(await textOf(question))) : { status: 404, body: {} };
};

const jsonOf = (text: string | undefined): unknown => {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Undefined when there is more of it than a question or an answer has. */
const textOf = async (message: IncomingMessage): Promise<string | undefined> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of message as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes <= LONGEST_QUESTION_BYTES) pieces.push(piece);
  }
  return bytes > LONGEST_QUESTION_BYTES ? undefined : Buffer.concat(pieces).toString("utf8");
};

const send = (answer: ServerResponse, status: number, body: Readonly<Record<string, unknown>>): void => {
  answer.writeHead(status, { "content-type": "application/json", connection: "close" });
  answer.end(JSON.stringify(body));
};

export interface AskOptions {
  /** What runs there, such as `coilgun-edge`. */
  readonly program: string;
  readonly clock?: Clock;
}

/** What the daemon whose admin socket is at `path` answers; undefined: it could not. Throws Complaint when none does. */
export const askDaemon = async (
  path: string,
  duty: string,
  asked: unknown,
  { program, clock = systemClock }: AskOptions,
): Promise<object | undefined> => {
  try {
    const answer = await ask(path, { method: "POST", url: `/${duty}`, body: JSON.stringify(asked) }, clock);
    return typeof answer === "object" && answer !== null ? answer : undefined;
  } catch (error) {
    throw new Complaint(whyNoAnswer(path, program, error), { cause: error });
  }
};

const whyNoAnswer = (path: string, program: string, error: unknown): string => {
  if (error instanceof DeadlineError)
    return `${program} at ${path} did not answer within ${error.afterMs} ms`;
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return `no ${program} is running with the admin socket ${path}; start it, or name its config with --config`;
  }
  if (code === "EACCES") return `this user may not open ${path}; run as the user that runs ${program}`;
  return `${program} at ${path} cannot be asked (${code})`;
};

/** Whether a daemon answers at this path. */
export const isDaemonAt = async (path: string, clock: Clock = systemClock): Promise<boolean> => {
  try {
    await ask(path, { method: "GET", url: "/", body: undefined }, clock);
    return true;
  } catch (error) {
    // Silence and nonsense are not death: only a socket that nobody holds is free to be replaced.
    return !["ECONNREFUSED", "ENOENT"].includes(codeOf(error));
  }
};

interface Question {
  readonly method: string;
  readonly url: string;
  readonly body: string | undefined;
}

const ask = (path: string, { method, url, body }: Question, clock: Clock): Promise<unknown> =>
  clock.within(ADMIN_ANSWER_MS, undefined, async (signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const asking = request({ socketPath: path, method, path: url, agent: false, signal });
    asking.once("response", resolve);
    asking.once("error", reject);
    asking.end(body);
    try {
      return jsonOf(await textOf(await promise));
    } catch (error) {
      // An aborted request fails with a word of its own; the reason is the better one.
      throw signal.aborted ? signal.reason : error;
    }
  });
