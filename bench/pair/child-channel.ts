/**
 * Questions to a child over its channel, and their answers: who asks and who answers agree on a subject, so that a
 * program and what was loaded before it may share one channel. A child ends when its channel does, so that none
 * outlives the harness.
 */
import type { ChildProcess } from "node:child_process";
import type { Clock } from "../../protocol/runtime/clock.ts";

/** For an answer that takes no time of its own. */
const ANSWER_MS = 20_000;

interface Question {
  readonly subject: string;
  readonly number: number;
  readonly question: unknown;
}

interface Reply {
  readonly subject: string;
  readonly number: number;
  readonly answer?: unknown;
  readonly failure?: string;
}

export interface Asking {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the answer may take; a small default. */
  readonly withinMs?: number;
}

let asked = 0;

/** Asks `child` about `subject`. Rejects when it answers with an error, ends, or is silent for too long. */
export function ask(
  child: ChildProcess,
  subject: string,
  question: unknown,
  asking: Asking,
): Promise<unknown> {
  const { clock, signal, withinMs = ANSWER_MS } = asking;
  asked += 1;
  const number = asked;
  return clock.within(withinMs, signal, (within) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const hear = (message: unknown) => {
      if (!isReply(message) || message.subject !== subject || message.number !== number) return;
      if (message.failure === undefined) resolve(message.answer);
      else reject(new Error(message.failure));
    };
    const ended = () => reject(new Error(`a process ended while it was asked for its ${subject}`));
    const stop = () => reject(within.reason);
    child.on("message", hear);
    child.once("disconnect", ended);
    within.addEventListener("abort", stop, { once: true });
    if (!child.connected) ended();
    else
      child.send(
        { subject, number, question: question ?? null } satisfies Question,
        (error) => error && reject(error),
      );
    return promise.finally(() => {
      child.off("message", hear);
      child.off("disconnect", ended);
      within.removeEventListener("abort", stop);
    });
  });
}

/** In a child: answers every question about `subject`. Does not keep the child alive by itself. */
export function answerQuestions(subject: string, answer: (question: unknown) => unknown): void {
  process.on("message", (message) => {
    if (!isQuestion(message) || message.subject !== subject) return;
    const { number, question } = message;
    const reply = (result: object) => process.send?.({ subject, number, ...result });
    new Promise((resolve) => resolve(answer(question))).then(
      (options) => reply({ answer: options }),
      (error: unknown) => reply({ failure: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.channel?.unref();
}

const isQuestion = (message: unknown): message is Question =>
  typeof message === "object" && message !== null && "question" in message;

const isReply = (message: unknown): message is Reply =>
  typeof message === "object" && message !== null && "number" in message && !("question" in message);
