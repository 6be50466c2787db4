/**
 * One worker as its daemon sees it: a process with a channel, from its start to its end. What it says on standard output
 * (access lines) goes on in whole lines; its standard error is the daemon's own, so that its last words are never lost.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import type { ConfigCopy } from "../config/config-snapshot.ts";
import type { WholeLines } from "./line-merger.ts";
import { errorOf, isFromWorker, type ToWorker, type WorkerPlace } from "./messages.ts";

/** Connections on their way to a worker that is too busy to take them; beyond this it gets no more for now. */
export const MOST_ON_THE_WAY = 512;

export interface WorkerChildGiven {
  /** The program, a file. */
  readonly program: string;
  readonly copy: ConfigCopy;
  readonly place: WorkerPlace;
  readonly stdout: WholeLines;
  news(news: unknown): void;
}

interface Pending {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class WorkerChild {
  /** Resolves when it serves; rejects with why it cannot. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #ready = Promise.withResolvers<void>();
  #tickets = 0;
  #onTheWay = 0;

  constructor(given: WorkerChildGiven) {
    const child = fork(given.program, [], {
      // Maps and bytes cross as they are.
      serialization: "advanced",
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    this.#child = child;
    this.ready = this.#ready.promise;
    // Whether it became ready matters to who waits; that it ended is told to all.
    this.ready.catch(() => {});
    const ended = Promise.withResolvers<number | NodeJS.Signals>();
    this.ended = ended.promise;
    if (child.stdout !== null) given.stdout.takeFrom(child.stdout);
    child.on("message", (message) => this.#hear(message, given));
    child.once("error", (error) => {
      this.#lost(error);
      // It could not even be started, and so never closes.
      if (child.pid === undefined) ended.resolve(1);
    });
    // Not at its exit: what it said last may still be on its way.
    child.once("close", (code, signal) => {
      this.#lost(new Error(`worker ${given.place.number} ended (${signal ?? code})`));
      ended.resolve(signal ?? code ?? 1);
    });
    this.#say({ to: "start", copy: given.copy, place: given.place });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  reload(copy: ConfigCopy): Promise<unknown> {
    return this.#asked((ticket) => ({ to: "reload", ticket, copy }));
  }

  answer(about: unknown): Promise<unknown> {
    return this.#asked((ticket) => ({ to: "answer", ticket, about }));
  }

  /** Whether it can be given a connection now. */
  get takes(): boolean {
    return this.#child.connected && this.#onTheWay < MOST_ON_THE_WAY;
  }

  /** Gives it a connection to serve; one that does not reach it is lost. */
  serve(door: number, socket: Socket): void {
    this.#onTheWay++;
    this.#child.send({ to: "serve", door } satisfies ToWorker, socket, {}, (error) => {
      this.#onTheWay--;
      if (error !== null) socket.destroy();
    });
  }

  /** Asks it to drain and end. */
  stop(): void {
    this.#say({ to: "stop" });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #hear(message: unknown, given: WorkerChildGiven): void {
    if (!isFromWorker(message)) return;
    switch (message.from) {
      case "ready":
        return this.#ready.resolve();
      case "failed":
        return this.#ready.reject(errorOf(message.why));
      case "done":
        return this.#settle(message.ticket)?.resolve(message.answer);
      case "undone":
        return this.#settle(message.ticket)?.reject(errorOf(message.why));
      case "news":
        return given.news(message.news);
    }
  }

  #settle(ticket: number): Pending | undefined {
    const pending = this.#pending.get(ticket);
    this.#pending.delete(ticket);
    return pending;
  }

  #asked(question: (ticket: number) => ToWorker): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const ticket = this.#tickets++;
    this.#pending.set(ticket, { resolve, reject });
    this.#say(question(ticket));
    return promise;
  }

  #say(message: ToWorker): void {
    // A channel that closes is heard of as the end of the worker.
    this.#child.send(message, () => {});
  }

  #lost(error: Error): void {
    this.#ready.reject(error);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}
