/**
 * Several workers as one daemon: all started before it is ready, one that dies started again after a pause that grows, all
 * reloaded, asked and stopped together. A worker that dies takes down what it was serving and nothing else.
 */
import type { Writable } from "node:stream";
import type { ConfigCopy } from "../config/config-snapshot.ts";
import type { Log } from "../daemon/log.ts";
import { type Clock, systemClock, type Timer } from "../runtime/clock.ts";
import { WholeLines } from "./line-merger.ts";
import { WorkerChild } from "./worker-process.ts";

/** A worker that served for so long was a good one: the next pause is the first one again. */
export const GOOD_WORKER_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 30_000;
/** Beyond the time that a worker has to drain; then it is killed. */
const STOP_SLACK_MS = 5_000;

/** Before try number `attempt` (0 is the first after an end) to start a worker again, milliseconds. */
export const restartDelayMs = (attempt: number): number =>
  Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);

export interface CrewGiven {
  readonly workers: number;
  /** The program of a worker, a file. */
  readonly program: string;
  readonly copy: ConfigCopy;
  /** What a worker gives itself to drain. */
  readonly drainMs: number;
  readonly log: Log;
  readonly clock?: Clock;
  readonly stdout?: Writable;
  /** A worker tells something of the daemon's own kind. */
  news?(worker: CrewMember, news: unknown): void;
  /** What a worker told is not true any more: it is gone. */
  gone?(worker: CrewMember): void;
}

/** Starts all workers; rejects with why one cannot start, and none is left then. */
export const startCrew = async (given: CrewGiven): Promise<Crew> => {
  const crew = new Crew(given);
  try {
    await Promise.all(crew.members.map((member) => member.startFirst()));
    return crew;
  } catch (error) {
    await crew.kill();
    throw error;
  }
};

export class Crew {
  readonly members: readonly CrewMember[];
  readonly #course: Course;

  constructor(given: CrewGiven) {
    const stdout = new WholeLines(given.stdout ?? process.stdout, (error) =>
      given.log.error("access log failed", { error }),
    );
    const course: Course = { copy: given.copy, drainMs: given.drainMs, stdout, stopping: false };
    this.#course = course;
    this.members = Array.from(
      { length: given.workers },
      (_, index) => new CrewMember(index + 1, given, course),
    );
  }

  /** Those that can be given a connection now. */
  get able(): readonly CrewMember[] {
    return this.members.filter((member) => member.takes);
  }

  /** All take over the config, those that are started later too. Rejects with what the first one says that cannot. */
  async reload(copy: ConfigCopy, drainMs: number): Promise<void> {
    const before = this.#course.copy;
    // At once: a worker that becomes ready meanwhile asks for it.
    this.#course.copy = copy;
    const failed = (await Promise.allSettled(this.members.map((member) => member.reload(copy)))).find(
      (each) => each.status === "rejected",
    );
    if (failed === undefined) {
      this.#course.drainMs = drainMs;
      return;
    }
    this.#course.copy = before;
    throw failed.reason;
  }

  /** Asks all that serve; a worker that ends meanwhile has nothing to say. */
  async ask(about: unknown): Promise<unknown[]> {
    const answers = await Promise.all(this.members.map((member) => member.ask(about)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Drains all, within the bound; rejects when one did not end in order. */
  async stop(): Promise<void> {
    this.#course.stopping = true;
    const ends = await Promise.all(this.members.map((member) => member.stop()));
    const bad = ends.findIndex((end) => end !== 0);
    if (bad !== -1) throw new Error(`worker ${bad + 1} did not end in order (${ends[bad]})`);
  }

  async kill(): Promise<void> {
    this.#course.stopping = true;
    await Promise.all(this.members.map((member) => member.kill()));
  }
}

/** What all members go by. */
interface Course {
  copy: ConfigCopy;
  drainMs: number;
  readonly stdout: WholeLines;
  stopping: boolean;
}

/** One place in the crew, and the process that has it now. */
export class CrewMember {
  readonly number: number;
  readonly #given: CrewGiven;
  readonly #clock: Clock;
  readonly #course: Course;
  readonly #log: Log;
  #child: WorkerChild | undefined;
  #serves = false;
  #pause: Timer | undefined;
  #attempt = 0;

  constructor(number: number, given: CrewGiven, course: Course) {
    this.number = number;
    this.#given = given;
    this.#clock = given.clock ?? systemClock;
    this.#course = course;
    this.#log = given.log.with({ worker: number });
  }

  get takes(): boolean {
    return this.#serves && this.#child?.takes === true;
  }

  serve: WorkerChild["serve"] = (door, socket) => this.#child?.serve(door, socket);

  /** Rejects with why it cannot start; then it is not started again. */
  async startFirst(): Promise<void> {
    const child = this.#start();
    await child.ready;
    this.#attend(child);
  }

  async reload(copy: ConfigCopy): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#serves) return;
    await child.reload(copy).catch((error: unknown) => {
      // One that ended is started again, with the new config.
      if (this.#child === child) throw error;
    });
  }

  async ask(about: unknown): Promise<unknown> {
    const child = this.#child;
    if (child === undefined || !this.#serves) return undefined;
    return child.answer(about).catch((error: unknown) => {
      if (this.#child === child) throw error;
      return undefined;
    });
  }

  /** Resolves with how it ended; 0 is in order. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#pause?.cancel();
    const child = this.#child;
    if (child === undefined) return 0;
    if (!this.#serves) {
      await this.kill();
      return 0;
    }
    child.stop();
    const bound = this.#clock.after(this.#course.drainMs + STOP_SLACK_MS, () => child.kill());
    const end = await child.ended;
    bound.cancel();
    return end;
  }

  async kill(): Promise<void> {
    this.#pause?.cancel();
    this.#child?.kill();
    await this.#child?.ended;
  }

  #start(): WorkerChild {
    const { program, workers, news } = this.#given;
    const child = new WorkerChild({
      program,
      copy: this.#course.copy,
      place: { number: this.number, of: workers },
      stdout: this.#course.stdout,
      news: (told) => {
        if (this.#child === child) news?.(this, told);
      },
    });
    this.#child = child;
    return child;
  }

  /** From when it serves until it is gone. */
  #attend(child: WorkerChild): void {
    this.#serves = true;
    const since = this.#clock.now();
    this.#log.info("worker serves", { pid: child.pid });
    void child.ended.then((end) => {
      this.#serves = false;
      this.#child = undefined;
      this.#given.gone?.(this);
      if (this.#course.stopping) return;
      this.#log.error("worker ended", { end });
      if (this.#clock.now() - since >= GOOD_WORKER_MS) this.#attempt = 0;
      this.#startAgain();
    });
  }

  #startAgain(): void {
    this.#pause = this.#clock.after(restartDelayMs(this.#attempt++), async () => {
      let { copy } = this.#course;
      const child = this.#start();
      try {
        await child.ready;
        while (copy !== this.#course.copy) {
          copy = this.#course.copy;
          await child.reload(copy);
        }
        this.#attend(child);
      } catch (error) {
        child.kill();
        await child.ended;
        this.#child = undefined;
        if (this.#course.stopping) return;
        this.#log.error("worker not started", { error });
        this.#startAgain();
      }
    });
  }
}
