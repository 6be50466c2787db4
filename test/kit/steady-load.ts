/** Visitors who ask 30 times a second whatever goes on meanwhile, and what came of each request. */
import { Agent, type IncomingMessage, type ServerResponse } from "node:http";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { pageOf } from "./changing-site.ts";
import { type Asking, visit } from "./visits.ts";

const EACH_MS = 1_000 / 30;

export interface SteadyLoad {
  /** So many at least, and as many more as come until `over`. The long form: COILGUN_REQUESTS=1000. */
  readonly requests: number;
  readonly over: Promise<unknown>;
  /** What request number `n` asks for. */
  readonly asking?: (n: number) => Asking;
}

const pageFor = (method = "GET", path = "/"): Buffer => pageOf(1, `${method} ${path}`);

/** What the web server is to do: each page is that of its request alone. */
export const servePage = (request: IncomingMessage, response: ServerResponse): void => {
  request.resume();
  response.setHeader("Content-Type", "text/html").end(pageFor(request.method, request.url));
};

/** Every other request on a new connection. How often each outcome came: a status, `cut` for another page, an error's code. */
export const askSteadily = async (
  port: number,
  { requests, over, asking = () => ({}) }: SteadyLoad,
): Promise<Readonly<Record<string, number>>> => {
  const kept = new Agent({ keepAlive: true, maxSockets: 4 });
  const outcomes: Record<string, number> = {};
  const all: Promise<void>[] = [];
  const least = Number(process.env.COILGUN_REQUESTS ?? requests);
  let going = true;
  const done = over.finally(() => {
    going = false;
  });
  done.catch(() => {});
  const outcomeOf = (asked: Asking) =>
    visit(port, asked).then(
      ({ status, cut, body }) =>
        status === 200 && (cut || !body.equals(pageFor(asked.method, asked.path))) ? "cut" : `${status}`,
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    );
  const ask = async (n: number) => {
    const outcome = await outcomeOf({ ...asking(n), ...(n % 2 === 0 ? {} : { agent: kept }) });
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };
  for (let n = 0; going || n < least; n++) {
    all.push(ask(n));
    await systemClock.sleep(EACH_MS);
  }
  await done;
  await Promise.all(all);
  kept.destroy();
  if (process.env.COILGUN_REQUESTS !== undefined) console.log(outcomes);
  return outcomes;
};
