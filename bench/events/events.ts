/**
 * `coilgun-bench events`: how much later an event of a server-sent stream is with its visitor because of the pair. The web server sends
 * an event only when the one before it has arrived, first straight to a visitor, then through two daemons; both in turns, so that a
 * busy moment of the machine falls on both.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { Command } from "commander";
import { parseHostPort } from "../../protocol/config/units.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { type Percentiles, percentilesOf } from "../report/statistics.ts";
import { milliseconds, renderTable } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { listenOnLoopback } from "../rig/loopback.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";

const EVENTS = 1_000;
const MOST_EVENTS = 100_000;
/** Not counted: until code is compiled and windows are open. */
const WARM_UP = 100;
const EVENT_MS = 10_000;
const HOST = "events.bench.test";

/** @internal */
export interface EventsReport {
  readonly direct: Percentiles;
  readonly throughPair: Percentiles;
  /** Difference of the medians, milliseconds. */
  readonly addedMs: number;
}

/** One visitor of an event stream, and the web server's end of it. */
interface EventStream {
  /** Sends an event; resolves with the milliseconds until the visitor has all of it. */
  say(text: string): Promise<number>;
  close(): void;
}

/** @internal */
export async function measureEvents(
  events: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<EventsReport> {
  await using undo = new AsyncDisposableStack();
  const opened: ((response: ServerResponse) => void)[] = [];
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.flushHeaders();
    opened.shift()?.(response);
  });
  const address = await listenOnLoopback(server);
  undo.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const pair = await startPair({ routes: [{ host: HOST, origin: address }], clock, signal });
  undo.defer(() => pair.stop());
  const open = async (from: string): Promise<EventStream> => {
    const response = new Promise<ServerResponse>((resolve) => opened.push(resolve));
    const stream = eventStream(await visitorAt(from), await response, clock);
    undo.defer(() => stream.close());
    return stream;
  };
  const ways = { direct: await open(address), throughPair: await open(pair.visitors) };
  const took = { direct: [] as number[], throughPair: [] as number[] };
  for (let n = 0; n < WARM_UP + events; n++)
    for (const way of ["direct", "throughPair"] as const) {
      const ms = await clock.within(EVENT_MS, signal, () => ways[way].say(`data: event ${n}\n\n`));
      if (n >= WARM_UP) took[way].push(ms);
    }
  const [direct, throughPair] = [spreadOf(took.direct), spreadOf(took.throughPair)];
  return { direct, throughPair, addedMs: throughPair.p50 - direct.p50 };
}

const spreadOf = (values: readonly number[]): Percentiles => {
  const spread = percentilesOf(values);
  if (spread === undefined) throw new Error("nothing was measured");
  return spread;
};

const visitorAt = (address: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request({ ...parseHostPort(address), headers: { Host: HOST }, agent: false }, resolve)
      .on("error", reject)
      .end();
  });

const eventStream = (visitor: IncomingMessage, server: ServerResponse, clock: Clock): EventStream => {
  let heard = () => {};
  let missing = 0;
  visitor.on("data", (piece: Buffer) => {
    missing -= piece.length;
    if (missing <= 0) heard();
  });
  return {
    async say(text) {
      missing = Buffer.byteLength(text);
      const all = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const sentAt = clock.now();
      server.write(text);
      await all;
      return clock.now() - sentAt;
    },
    close: () => visitor.destroy(),
  };
};

/** @internal */
export const eventsTable = ({ direct, throughPair, addedMs }: EventsReport): string =>
  [
    renderTable(
      [
        { title: "an event, milliseconds", align: "left" },
        { title: "p50", align: "right" },
        { title: "p95", align: "right" },
      ],
      [
        ["straight from the web server", milliseconds(direct.p50), milliseconds(direct.p95)],
        ["through the pair", milliseconds(throughPair.p50), milliseconds(throughPair.p95)],
      ],
    ),
    "",
    `The pair adds ${milliseconds(addedMs)} ms at the median.`,
  ].join("\n");

export const eventsCommand = (): Command =>
  new Command("events")
    .description("measure how much later server-sent events arrive because of the pair")
    .option("--events <number>", "how many are counted", wholeNumberFrom(1, MOST_EVENTS), EVENTS)
    .action((flags: { readonly events: number }) =>
      interruptible(async (signal) => {
        const report = await measureEvents(flags.events, { clock: systemClock, signal });
        process.stdout.write(`${eventsTable(report)}\n`);
        return 0;
      }),
    );
