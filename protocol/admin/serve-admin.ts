/**
 * Where a running daemon is asked about itself, over HTTP: a unix socket that only its own user may open, so there is
 * no password, and addresses where nothing can be changed. A process that takes over is started before the one before
 * it ends: the socket becomes its own in one step, and an address that is held still is tried again until it is free.
 */
import { chmodSync, lstatSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type AdminAddress, type AdminListen, printAdmin } from "../config/admin-settings.ts";
import { type HostPort, printHostPort } from "../config/units.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import { Complaint, codeOf } from "../runtime/user-error.ts";
import { type AdminDuties, type Answers, doDuty, sendJson } from "./answers.ts";
import { isDaemonAt } from "./ask-daemon.ts";
import { whyRefused } from "./who-may-ask.ts";

/** The owner alone. */
const PRIVATE_MODE = 0o600;
/** Until an address that is taken is tried again. @internal */
export const RETRY_MS = 5_000;
const MOST_CONNECTIONS = 128;
const HEAD_MS = 10_000;

export interface AdminOptions {
  readonly program: string;
  readonly listen: readonly AdminListen[];
  readonly answers: Answers;
  /** What the socket takes beside. */
  readonly duties: AdminDuties;
  readonly clock: Clock;
  readonly log: {
    info(event: string, fields: Readonly<Record<string, unknown>>): void;
    warn(event: string, fields: Readonly<Record<string, unknown>>): void;
  };
}

export interface Admin {
  /** Of those that are listened at now. */
  readonly addresses: readonly HostPort[];
  /** Stops answering and removes the socket, unless the next process has put its own there. */
  close(): Promise<void>;
}

/**
 * Answers at each of `listen` until closed. The socket of another daemon is replaced, dead or alive. Throws Complaint
 * where a path is something else than a socket, or an address cannot be had at all.
 */
export const serveAdmin = async (options: AdminOptions): Promise<Admin> => {
  const doors: Door[] = [];
  const close = async () => {
    options.answers.close();
    await Promise.all(doors.map((door) => door.close()));
  };
  try {
    for (const listen of options.listen) {
      const door = new Door(listen, options);
      doors.push(door);
      await door.open();
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    get addresses() {
      return doors.flatMap(({ address }) => address ?? []);
    },
    close,
  };
};

/** One place to listen at. */
class Door {
  readonly #listen: AdminListen;
  readonly #options: AdminOptions;
  #server: Server | undefined;
  /** Of the socket's file, which may be another's by the end. */
  #inode: number | undefined;
  #retry: Timer | undefined;
  #closed = false;

  constructor(listen: AdminListen, options: AdminOptions) {
    this.#listen = listen;
    this.#options = options;
  }

  get address(): HostPort | undefined {
    const at = this.#server?.address();
    if (typeof at !== "object" || at === null) return undefined;
    const { address: host, port } = at satisfies AddressInfo;
    return { host, port };
  }

  /** Resolves when it listens, or when somebody else does; then it goes on trying. */
  async open(told = false): Promise<void> {
    const { program, log, clock } = this.#options;
    const at = printAdmin(this.#listen);
    if (!(await this.#listens())) {
      if (!told)
        log.warn("admin address taken", {
          at,
          hint: `another ${program} listens there; tried again each ${RETRY_MS / 1_000} s`,
        });
      if (this.#closed) return;
      this.#retry = clock.after(
        RETRY_MS,
        () => void this.open(true).catch((error) => log.warn("admin address lost", { at, error })),
      );
      return;
    }
    if (this.#closed) return this.close();
    const { address } = this;
    log.info("admin listens", { at: address === undefined ? at : printHostPort(address) });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    const server = this.#server;
    if (server === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeAllConnections();
    const at = this.#listen;
    if ("path" in at && inodeOf(at.path) === this.#inode) unlinkSync(at.path);
    await promise;
  }

  /** False: another process has the address. */
  async #listens(): Promise<boolean> {
    const at = this.#listen;
    if ("path" in at && (await isDaemonIn(at.path)))
      this.#options.log.info("admin socket taken over from the process before", { at: at.path });
    const server = createServer({ headersTimeout: HEAD_MS, requestTimeout: HEAD_MS }, (question, answer) => {
      this.#answer(question, answer).catch(() => {
        // The daemon's own error is for its log, not for this wire; the asker learns that it failed.
        if (!answer.headersSent) sendJson(answer, 500, { problem: "the daemon could not do it" });
        else answer.destroy();
      });
    });
    server.maxConnections = MOST_CONNECTIONS;
    try {
      await listening(server, at);
    } catch (error) {
      if (codeOf(error) === "EADDRINUSE") return false;
      const wanted =
        "path" in at
          ? `the admin socket ${at.path} cannot be made`
          : `admin: ${printAdmin(at)} cannot be listened at`;
      throw new Complaint(`${wanted} (${codeOf(error)}); set admin to another path or address`, {
        cause: error,
      });
    }
    if ("path" in at) this.#inode = putInPlace(at.path);
    this.#server = server;
    return true;
  }

  async #answer(question: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { answers, duties } = this.#options;
    const at = this.#listen;
    const [path = ""] = (question.url ?? "").split("?");
    const refusal = "path" in at ? undefined : whyRefused(question, at satisfies AdminAddress);
    if (refusal !== undefined) {
      const { status, problem, fields } = refusal;
      return sendJson(answer, status, { problem }, { ...fields, connection: "close" });
    }
    if (question.method === "GET" || question.method === "HEAD") return answers.get(path, answer);
    const { status, body } =
      question.method === "POST" ? await doDuty(duties, path, question) : { status: 404, body: {} };
    sendJson(answer, status, body, { connection: "close" });
  }
}

const listening = (server: Server, at: AdminListen): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  if ("path" in at) rmSync(ownName(at.path), { force: true });
  server.listen("path" in at ? { path: ownName(at.path) } : at.address, resolve);
  return promise;
};

/** A socket is bound under a name of its own, which Node removes at the end, whoever has the path by then. */
const ownName = (path: string): string => `${path}.${process.pid}`;

const putInPlace = (path: string): number | undefined => {
  const own = ownName(path);
  chmodSync(own, PRIVATE_MODE);
  const inode = inodeOf(own);
  renameSync(own, path);
  return inode;
};

const inodeOf = (path: string): number | undefined => lstatSync(path, { throwIfNoEntry: false })?.ino;

/** Whether a daemon answers there. Throws Complaint where the path is something else than a socket. */
const isDaemonIn = async (path: string): Promise<boolean> => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isSocket())
    throw new Complaint(`${path} is not a socket; remove it, or set admin to another path`);
  return isDaemonAt(path);
};
