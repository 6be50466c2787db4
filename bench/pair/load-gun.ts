/**
 * A program: sends requests as fast as they are answered, on a fixed number of connections, with autocannon. Its own
 * process, so that nothing of it is in the CPU time of what is measured. Beside it a visitor checks some answers in
 * full; autocannon itself counts statuses and failures.
 */
import autocannon, { type Result } from "autocannon";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { answerQuestions } from "./child-channel.ts";
import { note } from "./flaws.ts";
import { runProgram } from "./program.ts";
import { type Encodings, headersOf, timedVisitor } from "./timed-visit.ts";

export interface Volley {
  /** host:port. */
  readonly address: string;
  readonly path: string;
  readonly encodings: Encodings;
  readonly connections: number;
  readonly seconds: number;
}

export interface VolleyResult {
  readonly requests: number;
  /** From the first request to the last answer counted. */
  readonly seconds: number;
  /** Of each answer. */
  readonly ms: readonly number[];
  /** Statuses other than 200, failed and lost requests. */
  readonly errors: number;
  readonly checked: number;
  readonly wrong: number;
  readonly firstFlaws: readonly string[];
}

/** Between two answers that are checked in full: a hundredth of the load at most. */
const CHECK_EVERY_MS = 50;
/** How soon the end of a volley is noticed. */
const NOTICE_MS = 50;
const TIMEOUT_SECONDS = 30;

/**
 * What a connection of autocannon has made, and after how many requests it ends. Set when the time is up, so that all
 * that was asked is answered: what is cut off would cost CPU and bytes that no request is counted for.
 */
interface AskingClient {
  readonly reqsMade: number;
  responseMax: number;
}

async function fire({ address, path, encodings, connections, seconds }: Volley): Promise<VolleyResult> {
  const ms: number[] = [];
  let errors = 0;
  const flaws: string[] = [];
  const from = performance.now();
  const finished = Promise.withResolvers<Result>();
  const clients: AskingClient[] = [];
  const instance = autocannon(
    {
      url: `http://${address}${path}`,
      connections,
      duration: seconds + TIMEOUT_SECONDS,
      setupClient: (client) => clients.push(client as unknown as AskingClient),
      headers: headersOf(encodings),
      sampleInt: NOTICE_MS,
      timeout: TIMEOUT_SECONDS,
    },
    (error: unknown, result) => (error ? finished.reject(error) : finished.resolve(result)),
  );
  let last = from;
  instance.on("response", (_client, status, _bytes, time) => {
    last = performance.now();
    if (status === 200) ms.push(time);
    else {
      errors += 1;
      note(flaws, `status ${status}`);
    }
  });
  instance.on("reqError", (error) => {
    errors += 1;
    note(flaws, error instanceof Error ? error.message : String(error));
  });
  const stopping = new AbortController();
  systemClock.after(seconds * 1000, () => {
    for (const client of clients) client.responseMax = Math.max(1, client.reqsMade);
  });
  const checking = checkMeanwhile({ address, path, encodings }, stopping.signal);
  const { requests } = await finished.promise;
  stopping.abort();
  const { checked, wrong, firstFlaws } = await checking;
  // An answer cut off by the end of its connection makes autocannon ask again without a word.
  const lost = requests.sent - ms.length - errors;
  if (lost > 0) note(flaws, `${lost} requests without an answer`);
  return {
    requests: ms.length,
    seconds: (last - from) / 1000,
    ms,
    errors: errors + lost,
    checked,
    wrong,
    firstFlaws: [...flaws, ...firstFlaws],
  };
}

async function checkMeanwhile(
  { address, path, encodings }: Pick<Volley, "address" | "path" | "encodings">,
  signal: AbortSignal,
) {
  const visitor = timedVisitor(address, systemClock);
  const firstFlaws: string[] = [];
  let [checked, wrong] = [0, 0];
  do {
    const { flaw } = await visitor.visit(path, encodings);
    checked += 1;
    if (flaw !== undefined) {
      wrong += 1;
      note(firstFlaws, flaw);
    }
    await systemClock.sleep(CHECK_EVERY_MS, signal).catch(() => undefined);
  } while (!signal.aborted);
  visitor.close();
  return { checked, wrong, firstFlaws };
}

runProgram(async () => {
  answerQuestions("volley", (volley) => fire(volley as Volley));
  return "";
});
