/** How a command asks the running daemon: over its admin socket, or for its state also at its address. */
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { type AdminListen, printAdmin } from "../config/admin-settings.ts";
import { tokenText } from "../config/token.ts";
import { printHostPort } from "../config/units.ts";
import { type Clock, DeadlineError, systemClock } from "../runtime/clock.ts";
import { Complaint, codeOf } from "../runtime/user-error.ts";
import { type Status, statusSchema } from "./status.ts";

/** Of a question or an answer of a duty; a state may be longer. @internal */
export const LONGEST_QUESTION_BYTES = 64 * 1024;
const LONGEST_STATUS_BYTES = 16 * 1024 * 1024;

/** How long a command waits for the daemon's word. @internal */
export const ADMIN_ANSWER_MS = 30_000;

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
  const question = { socketPath: path, method: "POST", path: `/${duty}`, body: JSON.stringify(asked) };
  const answer = await ask(question, clock).catch((error: unknown) => {
    throw new Complaint(whyNoAnswer(path, program, error), { cause: error });
  });
  return typeof answer === "object" && answer !== null ? answer : undefined;
};

/** The state of the daemon that answers at the first of `admin`. Throws Complaint. */
export const askStatus = async (
  admin: readonly AdminListen[],
  file: string,
  { program, clock = systemClock }: AskOptions,
): Promise<Status> => {
  const at = admin.find((each) => "path" in each) ?? admin[0];
  if (at === undefined)
    throw new Complaint(`${file} sets no admin; set it, such as admin: ./admin.sock, and restart ${program}`);
  const answer = await ask({ ...placeOf(at), method: "GET", path: "/status", body: undefined }, clock).catch(
    (error: unknown) => {
      throw new Complaint(whyNoAnswer(printAdmin(at), program, error), { cause: error });
    },
  );
  const { data } = statusSchema.safeParse(answer);
  if (data !== undefined) return data;
  throw new Complaint(
    `what answers at ${printAdmin(at)} is no ${program} of this version; restart it after an upgrade`,
  );
};

const EVERYWHERE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

const placeOf = (at: AdminListen): RequestOptions => {
  if ("path" in at) return { socketPath: at.path };
  const host = EVERYWHERE[at.address.host] ?? at.address.host;
  const { port } = at.address;
  return {
    host,
    port,
    headers: {
      host: printHostPort({ host, port }),
      ...(at.token && { authorization: `Bearer ${tokenText(at.token)}` }),
    },
  };
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
    await ask({ socketPath: path, method: "GET", path: "/live", body: undefined }, clock);
    return true;
  } catch (error) {
    // Silence and nonsense are not death: only a socket that nobody holds is free to be replaced.
    return !["ECONNREFUSED", "ENOENT"].includes(codeOf(error));
  }
};

type Question = RequestOptions & { readonly body: string | undefined };

const ask = ({ body, ...question }: Question, clock: Clock): Promise<unknown> =>
  clock.within(ADMIN_ANSWER_MS, undefined, async (signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const asking = request({ ...question, agent: false, signal });
    asking.once("response", resolve);
    asking.once("error", reject);
    asking.end(body);
    try {
      return jsonOf(await textOf(await promise, LONGEST_STATUS_BYTES));
    } catch (error) {
      // An aborted request fails with a word of its own; the reason is the better one.
      throw signal.aborted ? signal.reason : error;
    }
  });

export const jsonOf = (text: string | undefined): unknown => {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Undefined when there is more of it. */
export const textOf = async (
  message: IncomingMessage,
  mostBytes = LONGEST_QUESTION_BYTES,
): Promise<string | undefined> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of message as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes <= mostBytes) pieces.push(piece);
  }
  return bytes > mostBytes ? undefined : Buffer.concat(pieces).toString("utf8");
};
