/**
 * `coilgun-bench crumbs`: what bodies in pieces of one byte cost both daemons, and how long another visitor waits meanwhile; of this
 * checkout, or of this and another one in one run, by turns. Every body is checked.
 */
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { Command } from "commander";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { type Column, milliseconds, renderTable } from "../report/table.ts";
import { makeCertificate } from "../rig/certificate-files.ts";
import { type BetweenDaemons, type DaemonPair, joinPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import { type Side, throwUnlessCheckout } from "./against.ts";
import { ask } from "./child-channel.ts";
import { cpuMsOf, memoryOf, processesOf, throwUnlessLinux } from "./consumption.ts";
import { chunkedCrumbs, crumbsOf } from "./crumbs-body.ts";
import { postOverHttp2 } from "./crumbs-http2.ts";
import { onePage, sendRaw } from "./crumbs-visit.ts";
import { pidOf } from "./load.ts";
import { ratio } from "./pair-table.ts";
import { startProgram } from "./program.ts";
import { HOST } from "./timed-visit.ts";

const REQUEST_PIECES = 300_000;
const ANSWER_PIECES = 200_000;
/** Until the code of another visitor's page is compiled. */
const WARM_UP_PAGES = 200;
const ANY_PORT = "127.0.0.1:0";
const MOST_PIECES = 10_000_000;
const MOST_CONNECTIONS = 100;

interface CrumbsCase {
  readonly name: string;
  readonly sends: boolean;
  /** Resolves with the response's body. `sent`: nothing, unless it sends. */
  visit(at: Addresses, sent: Buffer, signal: AbortSignal | undefined): Promise<Buffer>;
}

/** Of the edge, host:port. */
interface Addresses {
  readonly plain: string;
  readonly https: string;
}

const FORM = "application/x-www-form-urlencoded";
const IMAGE = "image/x-crumbs";

const post = (name: string, type: string): CrumbsCase => ({
  name,
  sends: true,
  visit: ({ plain }, sent, signal) => {
    const head = ["POST /form HTTP/1.1", `Content-Type: ${type}`, "Transfer-Encoding: chunked"];
    return sendRaw(plain, head, chunkedCrumbs(sent), signal);
  },
});

const postOver2 = (name: string, type: string): CrumbsCase => ({
  name,
  sends: true,
  visit: ({ https }, sent, signal) => postOverHttp2(https, HOST, { path: "/form", type }, sent, signal),
});

const get = (name: string, target: string): CrumbsCase => ({
  name,
  sends: false,
  visit: ({ plain }, sent, signal) => sendRaw(plain, [`GET ${target} HTTP/1.1`], sent, signal),
});

/** A body that travels compressed and one that passes, each way. */
const CASES: readonly CrumbsCase[] = [
  post("POST, form", FORM),
  post("POST, image", IMAGE),
  postOver2("HTTP/2, form", FORM),
  postOver2("HTTP/2, image", IMAGE),
  get("answer, page", "/crumbs?page"),
  get("answer, image", "/crumbs?image"),
];

interface CrumbsRow {
  readonly name: string;
  readonly side: Side;
  readonly edgeCpuMs: number;
  readonly originCpuMs: number;
  readonly seconds: number;
  /** Of another visitor's page. */
  readonly longestWaitMs: number;
  /** Since the daemon started. */
  readonly edgePeakBytes: number;
  readonly originPeakBytes: number;
}

interface CrumbsOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly requestPieces: number;
  readonly answerPieces: number;
  /** Visitors at once. */
  readonly connections: number;
  readonly against?: string | undefined;
}

/** Rejects where a body is wrong, or something dies. */
async function measureCrumbs(options: CrumbsOptions): Promise<CrumbsRow[]> {
  throwUnlessLinux();
  const { clock, signal, answerPieces, against } = options;
  if (against !== undefined) throwUnlessCheckout(resolve(against));
  await using running = new AsyncDisposableStack();
  const webServer = await startProgram("crumbs-server", { answerPieces }, { clock, signal });
  running.defer(() => webServer.close());
  const checkouts = { this: undefined, ...(against !== undefined && { that: resolve(against) }) };
  const { remove, ...files } = await makeCertificate(HOST);
  running.defer(remove);
  const edge = { accessLog: "off", visitors: [ANY_PORT, { listen: ANY_PORT, ...files }] };
  const rows: CrumbsRow[] = [];
  const pairs = new Map<Side, DaemonPair<BetweenDaemons>>();
  for (const [side, checkout] of Object.entries(checkouts)) {
    const pair = await joinPair(
      {
        routes: [{ host: HOST, origin: webServer.address }],
        clock,
        signal,
        checkout,
        settings: { edge, origin: { accessLog: "off" } },
      },
      async (edgeTunnel) => ({ address: edgeTunnel, close: async () => undefined }),
    );
    running.defer(() => pair.stop());
    pairs.set(side as Side, pair);
    for (let page = 0; page < WARM_UP_PAGES; page += 1) await onePage(addressesOf(pair).plain);
  }
  for (const each of CASES)
    for (const [side, pair] of pairs) rows.push(await runCase(each, side, pair, options));
  return rows;
}

const addressesOf = ({ visitors }: DaemonPair<BetweenDaemons>): Addresses => {
  const [plain = "", https = ""] = visitors.split(" ");
  return { plain, https };
};

const cpuOf = (child: ChildProcess): number =>
  processesOf(pidOf(child))
    .map(cpuMsOf)
    .reduce((sum, ms) => sum + ms, 0);

const runCase = async (
  { name, sends, visit }: CrumbsCase,
  side: Side,
  pair: DaemonPair<BetweenDaemons>,
  { clock, signal, requestPieces, answerPieces, connections }: CrumbsOptions,
): Promise<CrumbsRow> => {
  const { edge, originSide } = pair;
  const at = addressesOf(pair);
  const body = crumbsOf(sends ? requestPieces : answerPieces);
  const expected = sends ? Buffer.from(createHash("sha256").update(body).digest("hex")) : body;
  const sent = sends ? body : Buffer.alloc(0);
  await using running = new AsyncDisposableStack();
  const bystander = await startProgram("crumbs-bystander", { address: at.plain }, { clock, signal });
  running.defer(() => bystander.close());
  const [edgeBefore, originBefore, from] = [cpuOf(edge), cpuOf(originSide), clock.now()];
  const bodies = await Promise.all(Array.from({ length: connections }, () => visit(at, sent, signal)));
  const row = {
    name,
    side,
    edgeCpuMs: cpuOf(edge) - edgeBefore,
    originCpuMs: cpuOf(originSide) - originBefore,
    seconds: (clock.now() - from) / 1000,
    longestWaitMs: Number(await ask(bystander.child, "longest wait", undefined, { clock, signal })),
    edgePeakBytes: memoryOf(pidOf(edge)).peakBytes,
    originPeakBytes: memoryOf(pidOf(originSide)).peakBytes,
  };
  if (!bodies.every((each) => each.equals(expected))) throw new Error(`${name}: a body is wrong`);
  return row;
};

const COLUMNS: readonly Column[] = [
  { title: "crumbs", align: "left" },
  { title: "checkout", align: "left" },
  ...["edge CPU ms", "origin", "seconds", "wait ms", "edge MiB", "origin"].map(
    (title): Column => ({ title, align: "right" }),
  ),
];
const MIB = 2 ** 20;

/** @internal */
export const crumbsTable = (rows: readonly CrumbsRow[]): string =>
  renderTable(
    COLUMNS,
    rows.map((row) => {
      const that = rows.find(({ name, side }) => name === row.name && side !== row.side);
      const beside = (ms: number, of: "edgeCpuMs" | "originCpuMs") =>
        that === undefined || row.side === "that"
          ? milliseconds(ms)
          : `${milliseconds(ms)} (${ratio(ms / that[of])})`;
      return [
        row.name,
        row.side,
        beside(row.edgeCpuMs, "edgeCpuMs"),
        beside(row.originCpuMs, "originCpuMs"),
        row.seconds.toFixed(2),
        milliseconds(row.longestWaitMs),
        (row.edgePeakBytes / MIB).toFixed(0),
        (row.originPeakBytes / MIB).toFixed(0),
      ];
    }),
  );

interface CrumbsFlags {
  readonly requestPieces: number;
  readonly answerPieces: number;
  readonly connections: number;
  readonly against?: string;
}

export const crumbsCommand = (): Command =>
  new Command("crumbs")
    .description("measure what bodies in pieces of one byte cost, and who waits for it")
    .option(
      "--request-pieces <number>",
      "of a request's body",
      wholeNumberFrom(1, MOST_PIECES),
      REQUEST_PIECES,
    )
    .option("--answer-pieces <number>", "of an answer's body", wholeNumberFrom(1, MOST_PIECES), ANSWER_PIECES)
    .option("--connections <number>", "with crumbs at once", wholeNumberFrom(1, MOST_CONNECTIONS), 1)
    .option("--against <checkout>", "beside the pair of another checkout of Coilgun")
    .action((flags: CrumbsFlags) =>
      interruptible(async (signal) => {
        const rows = await measureCrumbs({ ...flags, clock: systemClock, signal });
        process.stdout.write(`${crumbsTable(rows)}\n`);
        return 0;
      }),
    );
