/**
 * `coilgun-bench slow-pages`: how long after the web server wrote a piece of a page that it makes slowly the visitor can read it,
 * straight and through a pair. The head leaves first, then five pieces, each 100 ms after what was before it.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { Transform } from "node:stream";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdDecompress,
  type Gzip,
} from "node:zlib";
import { Command } from "commander";
import { parseHostPort } from "../../protocol/config/units.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { milliseconds, renderTable } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { listenOnLoopback } from "../rig/loopback.ts";

const HOST = "slow.bench.test";
const PIECES = 5;
const PIECE_BYTES = 4_000;
const PAUSE_MS = 100;
const PAGE_MS = 10_000;
/** Not counted: until code is compiled. */
const WARM_UP = 3;
const VISITS = 10;

/** What a visitor asks with; names are those of the table's rows. */
const VISITORS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "no codings": {},
  "gzip, br, zstd": { "Accept-Encoding": "gzip, deflate, br, zstd" },
  "session, own": { "Accept-Encoding": "br", Cookie: "sid=5f0c3a9e7d184b62", "Sec-Fetch-Site": "none" },
  "session, led here": {
    "Accept-Encoding": "gzip, br",
    Cookie: "sid=5f0c3a9e7d184b62",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
  },
};

/** Milliseconds from the web server's write until the visitor can read it. */
interface Lateness {
  readonly head: number;
  readonly first: number;
  /** Of the pieces after the first, the latest. */
  readonly worst: number;
}

/** @internal */
export interface SlowPagesReport {
  readonly rows: readonly {
    readonly server: string;
    readonly visitor: string;
    readonly direct: Lateness;
    readonly throughPair: Lateness;
    /** Of the last answer's body on the link. */
    readonly linkBytes: number;
  }[];
}

/** By path, when the web server wrote the head and each piece of what it was asked for last. */
type Written = Map<string, number[]>;

interface Bench {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** All visitors at once, each a moment after the one before it, so that no two want the machine at the same time. @internal */
export async function measureSlowPages(
  { visits, pauseMs }: { readonly visits: number; readonly pauseMs: number },
  { clock, signal }: Bench,
): Promise<SlowPagesReport> {
  await using undo = new AsyncDisposableStack();
  const written: Written = new Map();
  const server = slowServer(written, pauseMs, clock);
  const origin = await listenOnLoopback(server);
  undo.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const settings = { origin: { routes: [{ host: HOST, origin: `http://${origin}`, askEncoded: "yes" }] } };
  const pair = await startPair({ routes: [{ host: HOST, origin }], settings, clock, signal });
  undo.defer(() => pair.stop());
  const linkBytes = new Map<string, number>();
  pair.exchanges.seenByEdge = ({ target, answerBytes = 0 }) => linkBytes.set(target, answerBytes);
  const scenes = ["identity", "gzip"].flatMap((server) =>
    Object.entries(VISITORS).map(([visitor, headers]) => ({ server, visitor, headers })),
  );
  const rows = await Promise.all(
    scenes.map(async ({ server, visitor, headers }, at) => {
      const path = `/${server}/${at}`;
      await clock.sleep((at * pauseMs) / scenes.length, signal);
      const took = { direct: [] as Lateness[], throughPair: [] as Lateness[] };
      for (let n = 0; n < WARM_UP + visits; n++)
        for (const way of ["direct", "throughPair"] as const) {
          const asked = { address: way === "direct" ? origin : pair.visitors, path, headers };
          const late = await clock.within(PAGE_MS, signal, () => readSlowly(asked, written, clock));
          if (n >= WARM_UP) took[way].push(late);
        }
      const [direct, throughPair] = [medianOf(took.direct), medianOf(took.throughPair)];
      return { server, visitor, direct, throughPair, linkBytes: linkBytes.get(path) ?? 0 };
    }),
  );
  pair.exchanges.throwIfFailed();
  return { rows };
}

/** `/gzip/…` codes its page where the visitor takes it, and flushes it with each piece. */
const slowServer = (written: Written, pauseMs: number, clock: Clock): Server =>
  createServer((asked, response) => {
    const coded =
      asked.url?.startsWith("/gzip/") === true && /gzip/.test(`${asked.headers["accept-encoding"]}`);
    response.writeHead(200, {
      "Content-Type": "text/html",
      Vary: "Accept-Encoding",
      ...(coded ? { "Content-Encoding": "gzip" } : {}),
    });
    const times: number[] = [];
    written.set(asked.url ?? "", times);
    void writeSlowly(response, { written: times, pauseMs, clock, gzip: coded ? createGzip() : undefined });
  });

const writeSlowly = async (
  response: ServerResponse,
  how: {
    readonly written: number[];
    readonly pauseMs: number;
    readonly clock: Clock;
    readonly gzip: Gzip | undefined;
  },
): Promise<void> => {
  const { written, pauseMs, clock, gzip } = how;
  gzip?.pipe(response);
  written.push(clock.now());
  response.flushHeaders();
  for (let n = 0; n < PIECES; n++) {
    await clock.sleep(pauseMs);
    written.push(clock.now());
    const piece = pieceOf(n);
    if (gzip === undefined) response.write(piece);
    else {
      gzip.write(piece);
      gzip.flush(constants.Z_SYNC_FLUSH);
    }
  }
  await clock.sleep(pauseMs);
  (gzip ?? response).end();
};

let made = 0;

/** The same as before but for a number. */
const pieceOf = (n: number): Buffer => {
  made++;
  const words = Array.from({ length: 600 }, (_, i) => ((i * 7919 + n * 104729) % 65521).toString(36));
  return Buffer.from(`<p id=p${n}>${words.join(" ")} ${made}`.padEnd(PIECE_BYTES).slice(0, PIECE_BYTES));
};

interface Asked {
  readonly address: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

const readSlowly = async (asked: Asked, written: Written, clock: Clock): Promise<Lateness> => {
  const { address, path, headers } = asked;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ ...parseHostPort(address), path, headers: { Host: HOST, ...headers }, agent: false }, resolve)
      .on("error", reject)
      .end();
  });
  const times = written.get(path) ?? [];
  const head = clock.now() - (times[0] ?? 0);
  const decoder = DECODERS[response.headers["content-encoding"] ?? ""]?.();
  const plain = decoder === undefined ? response : response.pipe(decoder);
  const late: number[] = [];
  let bytes = 0;
  for await (const piece of plain) {
    bytes += (piece as Buffer).length;
    while (late.length < PIECES && bytes >= (late.length + 1) * PIECE_BYTES)
      late.push(clock.now() - (times[late.length + 1] ?? 0));
  }
  if (bytes !== PIECES * PIECE_BYTES) throw new Error(`the page came with ${bytes} bytes`);
  const [first = 0, ...others] = late;
  return { head, first, worst: Math.max(...others) };
};

const medianOf = (visits: readonly Lateness[]): Lateness => {
  const median = (pick: (each: Lateness) => number): number =>
    visits.map(pick).toSorted((a, b) => a - b)[visits.length >> 1] ?? 0;
  return {
    head: median(({ head }) => head),
    first: median(({ first }) => first),
    worst: median(({ worst }) => worst),
  };
};

/** @internal */
export const slowPagesTable = ({ rows }: SlowPagesReport): string => {
  const late = ({ head, first, worst }: Lateness) => [head, first, worst].map(milliseconds).join(" / ");
  return renderTable(
    [
      { title: "web server", align: "left" },
      { title: "visitor", align: "left" },
      { title: "straight, ms: head / first piece / worst", align: "right" },
      { title: "through the pair", align: "right" },
      { title: "link bytes", align: "right" },
    ],
    rows.map(({ server, visitor, direct, throughPair, linkBytes }) => [
      server,
      visitor,
      late(direct),
      late(throughPair),
      String(linkBytes),
    ]),
  );
};

export const slowPagesCommand = (): Command =>
  new Command("slow-pages")
    .description("measure how much later pieces of a page that is made slowly arrive because of the pair")
    .action(() =>
      interruptible(async (signal) => {
        const report = await measureSlowPages(
          { visits: VISITS, pauseMs: PAUSE_MS },
          { clock: systemClock, signal },
        );
        process.stdout.write(`${slowPagesTable(report)}\n`);
        return 0;
      }),
    );
