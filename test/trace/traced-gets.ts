/**
 * Warm GETs through a real pair, one at a time, each as the functions of edge-side/, origin-side/ and protocol/ that it enters,
 * in order. Both daemons run in this process, over real sockets, before a real web server whose page of 18 KB changes a little
 * each time; the answer crosses the link as a delta, and the visitor accepts no coding. The checkout's own test/kit/pair.ts
 * starts them, so that an older tree can be traced too.
 */
import { once } from "node:events";
import { existsSync, realpathSync } from "node:fs";
import { Agent, get, type IncomingMessage } from "node:http";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ENTERED, instrument, type TracedFunction } from "./instrument.ts";

const PRODUCT = /^(edge-side|origin-side|protocol)\//;
const PAGE_BYTES = 18_000;
/** These open the connections, and teach both sides versions of the page. */
const WARM_UP_VISITS = 12;
/** Which pieces arrive in one turn of the event loop is up to chance, and with it a few entries: an odd number, for a median. */
const TRACED_VISITS = 9;
/** Without an entry for so long, both sides are at rest. */
const REST_MS = 100;

export interface TracedGets {
  /** Each from the request to the rest after the answer. */
  readonly traces: readonly (readonly TracedFunction[])[];
  /** Of the page, and of the delta that crossed the link in its place. */
  readonly pageBytes: number;
  readonly deltaBytes: number;
}

/** What this needs of test/kit/pair.ts, of any checkout. */
interface PairModule {
  openPair(options: {
    readonly serve: (
      request: IncomingMessage,
      response: { setHeader(name: string, value: string): unknown; end(body: Buffer): unknown },
    ) => void;
  }): Promise<
    AsyncDisposable & {
      readonly port: number;
      visited(count: number): Promise<Readonly<Record<string, unknown>>>;
      answered(count: number): Promise<Readonly<Record<string, unknown>>>;
    }
  >;
}

/** Rejects when a page arrives wrong, or otherwise than as a delta. Once in a process: modules are loaded once. */
export const traceGets = async (checkout: string): Promise<TracedGets> => {
  const kit = resolve(checkout, "test/kit/pair.ts");
  if (!existsSync(kit)) throw new Error(`${checkout} is no checkout of Coilgun: it has no test/kit/pair.ts`);
  const entered = instrumentModulesOf(realpathSync(checkout));
  const { openPair } = (await import(pathToFileURL(kit).href)) as PairModule;
  let served: Buffer = Buffer.alloc(0);
  let serial = 0;
  await using pair = await openPair({
    serve: (request, response) => {
      request.resume();
      served = pageNumber(++serial);
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      // In the same second as the one before, however long the machine takes.
      response.setHeader("Date", "Sun, 29 Nov 2026 12:00:00 GMT");
      response.end(served);
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const traces: TracedFunction[][] = [];
  let deltaBytes = 0;
  try {
    for (let visit = 1; visit <= WARM_UP_VISITS + TRACED_VISITS; visit += 1) {
      if (visit > WARM_UP_VISITS) {
        await atRest(entered);
        entered.length = 0;
      }
      const body = await bodyOf(agent, pair.port);
      if (!body.equals(served)) throw new Error(`visit ${visit} did not get the page that was served`);
      // Both records are written when all is over; they are read from files, which enters nothing but the clock.
      const { answer, answerBytes } = await pair.visited(visit);
      await pair.answered(visit);
      if (visit <= WARM_UP_VISITS) continue;
      await atRest(entered);
      if (answer !== "delta") throw new Error(`visit ${visit} was not answered by a delta, but: ${answer}`);
      traces.push(withoutSleep(entered));
      deltaBytes = Number(answerBytes);
    }
  } finally {
    agent.destroy();
  }
  return { traces, pageBytes: served.length, deltaBytes };
};

/** From now on, modules of the product are loaded with their calls, which fill the list that is returned. */
const instrumentModulesOf = (root: string): TracedFunction[] => {
  const functions: TracedFunction[] = [];
  const entered: TracedFunction[] = [];
  Object.assign(globalThis, {
    [ENTERED]: (id: number) => {
      const traced = functions[id];
      if (traced !== undefined) entered.push(traced);
    },
  });
  registerHooks({
    load(url, context, nextLoad) {
      const file = url.startsWith("file:") ? relative(root, fileURLToPath(url)).split(sep).join("/") : url;
      const loaded = nextLoad(url, context);
      if (!PRODUCT.test(file) || !file.endsWith(".ts")) return loaded;
      const source = stripTypeScriptTypes(String(loaded.source));
      const register = (traced: TracedFunction) => functions.push(traced) - 1;
      return { format: "module", source: instrument(source, file, register), shortCircuit: true };
    },
  });
  return entered;
};

const CLOCK = "protocol/runtime/clock.ts";

/** Whoever waits for the records looks every few milliseconds, by the product's clock: that is no part of the visit. */
const withoutSleep = (entered: readonly TracedFunction[]): TracedFunction[] => {
  const isOfSleep = (at: number) => entered[at]?.file === CLOCK && entered[at].name.startsWith("sleep");
  return entered.filter(
    ({ file, name }, at) => !isOfSleep(at) && !(file === CLOCK && name === "after" && isOfSleep(at - 1)),
  );
};

/** Number and time differ from page to page; the rest is words that hardly repeat. */
const pageNumber = (serial: number): Buffer => {
  let state = 88_172_645;
  const word = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0).toString(36);
  };
  let text = `<!doctype html><title>Page ${serial}</title><p>Visit number ${String(serial).padStart(8, "0")}</p>\n`;
  while (text.length < PAGE_BYTES) text += `<li>${word()} ${word()} ${word()}</li>\n`;
  return Buffer.from(text);
};

const bodyOf = async (agent: Agent, port: number): Promise<Buffer> => {
  const request = get({
    agent,
    port,
    host: "127.0.0.1",
    path: "/",
    headers: { Host: "www.example.com" },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  return Buffer.concat(pieces);
};

const atRest = async (entered: readonly unknown[]): Promise<void> => {
  for (let before = -1; before !== entered.length; ) {
    before = entered.length;
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
};
