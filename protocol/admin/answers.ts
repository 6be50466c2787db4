/**
 * What the admin listener answers: whether the daemon lives and is ready, its metrics, its state, the page that shows
 * it, and over the socket what else it can do by name.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Timer } from "../runtime/clock.ts";
import { jsonOf, textOf } from "./ask-daemon.ts";
import { type Metrics, metricsOf } from "./metrics.ts";
import { PAGE, PAGE_POLICY } from "./page.ts";
import { type Program, statusOf, type Watched } from "./status.ts";

export interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the daemon does when asked, by name; the question is JSON, or undefined where it was none. */
export type AdminDuties = Readonly<Record<string, (asked: unknown) => Promise<Reply>>>;

/** @internal */
export const EVENT_MS = 1_000;
/** Pages that are open at once. @internal */
export const MOST_WATCHERS = 16;

const JSON_TYPE = "application/json";
/** No answer is kept, shown in a frame, or read by another site. */
const FIELDS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

export class Answers {
  readonly #watched: Watched;
  readonly #program: Program;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  /** Pages that are open. */
  readonly #watchers = new Set<ServerResponse>();
  #timer: Timer | undefined;

  constructor(watched: Watched, program: Program) {
    this.#watched = watched;
    this.#program = program;
    this.#clock = watched.clock;
    this.#metrics = metricsOf(watched, program);
  }

  /** GET and HEAD. */
  async get(path: string, answer: ServerResponse): Promise<void> {
    switch (path) {
      case "/":
        return send(answer, 200, PAGE, "text/html; charset=utf-8", {
          "content-security-policy": PAGE_POLICY,
        });
      case "/live":
        return sendJson(answer, 200, { alive: true });
      case "/ready": {
        const { ready, reasons } = this.#watched.readiness();
        return sendJson(answer, ready ? 200 : 503, { ready, reasons });
      }
      case "/metrics":
        return send(answer, 200, await this.#metrics.text(), this.#metrics.contentType);
      case "/status":
        return sendJson(answer, 200, this.#status());
      case "/events":
        return this.#watch(answer);
      default:
        return sendJson(answer, 404, { problem: "there are /live, /ready, /metrics, /status and /" });
    }
  }

  close(): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers) watcher.end();
    this.#metrics.close();
  }

  #status(): object {
    return statusOf(this.#watched, this.#program);
  }

  #watch(answer: ServerResponse): void {
    if (this.#watchers.size >= MOST_WATCHERS)
      return sendJson(answer, 503, { problem: `${MOST_WATCHERS} pages are open already; close one` });
    answer.writeHead(200, { ...FIELDS, "content-type": "text/event-stream" });
    if (answer.req.method === "HEAD") return void answer.end();
    this.#watchers.add(answer);
    answer.once("close", () => this.#watchers.delete(answer));
    answer.write(this.#event());
    this.#timer ??= this.#clock.after(EVENT_MS, () => this.#tell());
  }

  /** The state each second, made once for all who take it. */
  #tell(): void {
    this.#timer = undefined;
    if (this.#watchers.size === 0) return;
    const event = this.#event();
    // What one has not taken yet is newer than what it shows.
    for (const watcher of this.#watchers) if (!watcher.writableNeedDrain) watcher.write(event);
    this.#timer = this.#clock.after(EVENT_MS, () => this.#tell());
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#status())}\n\n`;
  }
}

/** Over the socket alone. */
export const doDuty = async (
  duties: AdminDuties,
  path: string,
  question: IncomingMessage,
): Promise<Reply> => {
  const duty = Object.entries(duties).find(([name]) => path === `/${name}`)?.[1];
  return duty === undefined ? { status: 404, body: {} } : duty(jsonOf(await textOf(question)));
};

export const sendJson = (
  answer: ServerResponse,
  status: number,
  body: object,
  fields: Readonly<Record<string, string>> = {},
): void => send(answer, status, JSON.stringify(body), JSON_TYPE, fields);

const send = (
  answer: ServerResponse,
  status: number,
  text: string,
  type: string,
  fields: Readonly<Record<string, string>> = {},
): void => {
  answer.writeHead(status, {
    ...FIELDS,
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    ...fields,
  });
  answer.end(text);
};
