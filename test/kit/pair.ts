/**
 * Both daemons inside the test, joined over loopback by TLS with a key, in front of a web server that a test scripts. What
 * they log and record can be waited for. For what only processes can show there is bench/rig/daemon-pair.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VisitRecord } from "../../edge-side/exchange/access-record.ts";
import { type EdgeDaemon, startEdge } from "../../edge-side/run/daemon.ts";
import type { ExchangeRecord } from "../../origin-side/exchange/access-record.ts";
import { type OriginDaemon, startOrigin } from "../../origin-side/run/daemon.ts";
import type { Log, LogFields } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import { edgeConfigOf, originConfigOf } from "./daemons.ts";
import { type FakeOrigin, openOrigin } from "./fake-origin.ts";
import { GrowingFile } from "./growing-file.ts";
import { until } from "./until.ts";

type Settings = Readonly<Record<string, unknown>>;

/** Events that were logged, oldest first. */
export class HeardLog implements Log {
  readonly lines: { readonly level: string; readonly event: string; readonly fields: LogFields }[] = [];

  debug(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", event, fields });
  }
  info(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", event, fields });
  }
  warn(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warn", event, fields });
  }
  error(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", event, fields });
  }
  with(): Log {
    return this;
  }

  count(event: string): number {
    return this.lines.filter((line) => line.event === event).length;
  }

  heard(event: string, times = 1): Promise<void> {
    return until(() => this.count(event) >= times, `"${event}" ${times} times`);
  }
}

/** Daemons, visitors and web server share one event loop here: how busy it is says nothing of an origin side. */
const IDLE = () => 0;

export interface PairOptions {
  /** What the web server does. */
  readonly serve: FakeOrigin["serve"];
  /** As in edge.yaml and origin.yaml, over what a test pair has anyway. */
  readonly edge?: Settings;
  readonly origin?: Settings;
  /** Files that the settings of the origin side name, by their path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where the origin side dials instead of the tunnel's port. */
  readonly via?: (tunnelPort: number) => Promise<number>;
  /** Of both daemons; the machine's own normally. */
  readonly clock?: Clock;
  /** How busy the edge is; not at all normally. */
  readonly edgeLoad?: Load;
}

export interface Pair extends AsyncDisposable {
  readonly web: FakeOrigin;
  /** Where visitors come. */
  readonly port: number;
  readonly edge: EdgeDaemon;
  readonly origin: OriginDaemon;
  readonly edgeLog: HeardLog;
  readonly originLog: HeardLog;
  /** The line number `count`, from 1, of each access log. */
  visited(count: number): Promise<VisitRecord>;
  answered(count: number): Promise<ExchangeRecord>;
  /** The edge's line number `count`, from 1, of those about this target. */
  visitOf(target: string, count: number): Promise<VisitRecord>;
}

export const openPair = async ({
  serve,
  edge,
  origin,
  files,
  via,
  clock,
  edgeLoad = IDLE,
}: PairOptions): Promise<Pair> => {
  const undo = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "coilgun-pair-"));
  undo.defer(() => rmSync(folder, { recursive: true }));
  const web = undo.use(await openOrigin(serve));
  const [edgeLog, originLog] = [new HeardLog(), new HeardLog()];
  const times = { drain: "1s" };
  const edgeFile = join(folder, "edge.log");
  const edgeDaemon = await startEdge(
    edgeConfigOf(
      { accessLog: edgeFile, times, memory: { budget: "32 MiB", perKey: "16 MiB" }, ...edge },
      files,
    ),
    { log: edgeLog, load: edgeLoad, ...(clock && { clock }) },
  );
  undo.defer(() => edgeDaemon.stop());
  const tunnel = edgeDaemon.tunnelAddress.port;
  const originFile = join(folder, "origin.log");
  const config = originConfigOf(
    { tunnel: (await via?.(tunnel)) ?? tunnel, web: web.port },
    { accessLog: originFile, times, memory: { budget: "32 MiB", perKey: "16 MiB" }, ...origin },
    files,
  );
  const originDaemon = await startOrigin(config, { log: originLog, load: IDLE, ...(clock && { clock }) });
  undo.defer(() => originDaemon.stop());
  const edgeLines = new AccessLines<VisitRecord>(edgeFile);
  const originLines = new AccessLines<ExchangeRecord>(originFile);
  await Promise.all([edgeLog.heard("link up"), originLog.heard("link up")]);
  return {
    web,
    port: edgeDaemon.visitorsAddress.port,
    edge: edgeDaemon,
    origin: originDaemon,
    edgeLog,
    originLog,
    visited: (count) => edgeLines.line(count),
    answered: (count) => originLines.line(count),
    visitOf: (target, count) => edgeLines.line(count, target),
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};

/** The lines of an access log, each read once. */
class AccessLines<Line extends { readonly target: string }> {
  readonly #file: GrowingFile;
  readonly #all: Line[] = [];
  readonly #byTarget = new Map<string, Line[]>();
  #isFresh = false;

  constructor(path: string) {
    this.#file = new GrowingFile(path);
  }

  /** The line number `count`, from 1, of all or of those about this target. */
  async line(count: number, target?: string): Promise<Line> {
    const found = () => this.#of(target)[count - 1];
    await until(() => found() !== undefined, `line ${count} of ${target ?? "all"} in an access log`);
    return found() as Line;
  }

  #of(target: string | undefined): readonly Line[] {
    this.#refresh();
    return target === undefined ? this.#all : (this.#byTarget.get(target) ?? []);
  }

  /** Once in a turn of the event loop, however many wait for a line. */
  #refresh(): void {
    if (this.#isFresh) return;
    this.#isFresh = true;
    setImmediate(() => {
      this.#isFresh = false;
    });
    for (const text of this.#file.lines.slice(this.#all.length)) {
      const line = JSON.parse(text) as Line;
      this.#all.push(line);
      const alike = this.#byTarget.get(line.target) ?? [];
      this.#byTarget.set(line.target, alike);
      alike.push(line);
    }
  }
}
