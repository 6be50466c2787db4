/**
 * A real pair of daemons for a measurement: a fresh key, two config files in a temporary folder, edge and origin side
 * as processes of their own on loopback ports, joined through a relay that counts the link's bytes. Everything is gone
 * after `stop`. Used by `replay`, the demo and the end-to-end tests.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { type ChildDaemon, type LogLine, startDaemon } from "./child-daemon.ts";
import { type CountingRelay, startCountingRelay } from "./counting-relay.ts";
import { ExchangeLog } from "./exchange-log.ts";
import { LinkTap } from "./link-tap.ts";
import {
  edgeConfig,
  freshKey,
  linksOf,
  originConfig,
  type PairKey,
  type PairRoute,
  type PairSettings,
} from "./pair-config.ts";

export interface PairOptions {
  readonly routes: readonly PairRoute[];
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly settings?: PairSettings | undefined;
  /** Options of Node itself for both daemons (child-daemon.ts). */
  readonly nodeOptions?: readonly string[] | undefined;
  /** Read the link from outside, to say what its bytes are spent on. */
  readonly tapped?: boolean | undefined;
  /** The folder of another checkout of Coilgun, whose daemons are started from source in place of this one's. */
  readonly checkout?: string | undefined;
}

/** What stands between the two daemons: the origin side dials its address instead of the edge's. */
export interface BetweenDaemons {
  readonly address: string;
  close(): Promise<void>;
}

/** A key log is written a moment after the handshake. */
const KEY_LOG_MS = 30_000;
const KEY_LOG_EVERY_MS = 10;

export interface DaemonPair<Between extends BetweenDaemons = CountingRelay> {
  /** host:port where the edge takes visitors. */
  readonly visitors: string;
  /** Counts all that crosses the link's socket, unless something else was put there. */
  readonly link: Between;
  /** What the link's bytes are spent on; undefined unless asked for. */
  readonly tap: LinkTap | undefined;
  readonly edge: ChildProcess;
  readonly originSide: ChildProcess;
  /** Every finished exchange, as both sides logged it. Fails when a daemon dies. */
  readonly exchanges: ExchangeLog;
  /** Another secret of the key at both sides, as docs/operations.md section "Rotating a key" says. */
  rotateKey(): Promise<void>;
  /** Ends both daemons in order and removes their files; safe to call twice. */
  stop(): Promise<void>;
}

/** Starts the pair; resolves when the link is up. Rejects with the failing daemon's last log lines. */
export const startPair = (options: PairOptions): Promise<DaemonPair> =>
  joinPair(options, (edge, tap) => startCountingRelay(edge, (...seen) => tap?.push(...seen)));

/** `startPair` with something else between the daemons: `between` starts it, given the edge's tunnel address. */
export async function joinPair<Between extends BetweenDaemons>(
  options: PairOptions,
  between: (edgeTunnel: string, tap: LinkTap | undefined) => Promise<Between>,
): Promise<DaemonPair<Between>> {
  const { routes, clock, signal, settings = {}, nodeOptions, tapped = false, checkout } = options;
  const entryOf = (side: string) => (checkout === undefined ? undefined : join(checkout, side, "main.ts"));
  const exchanges = new ExchangeLog();
  const undo = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(join(tmpdir(), "coilgun-pair-"));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    let key = freshKey();
    const write = async (name: string, config: object): Promise<string> => {
      const file = join(folder, name);
      await writeFile(file, stringify(config), { mode: 0o600 });
      return file;
    };

    const writeEdge = (as: PairKey) => write("edge.yaml", edgeConfig(as, routes, settings));
    const edge = startDaemon({
      side: "edge-side",
      entry: entryOf("edge-side"),
      configFile: await writeEdge(key),
      clock,
      nodeOptions,
      onAccessLine: (line) => exchanges.fromEdge(line),
    });
    undo.defer(async () => void (await edge.stop()));
    const ready = await edge.logged("ready", signal);
    const keyLogFile = tapped ? join(folder, "link.keys") : undefined;
    const tap = keyLogFile === undefined ? undefined : new LinkTap(keyLogFile);
    const link = await between(addressIn(ready, "tunnel"), tap);
    undo.defer(() => link.close());

    const writeOrigin = () =>
      write("origin.yaml", originConfig(key, { edgeAddress: link.address, routes }, settings));
    const origin = startDaemon({
      side: "origin-side",
      entry: entryOf("origin-side"),
      configFile: await writeOrigin(),
      clock,
      nodeOptions,
      onAccessLine: (line) => exchanges.fromOrigin(line),
      keyLogFile,
    });
    undo.defer(async () => void (await origin.stop()));
    await Promise.all([edge.logged("link up", signal), origin.logged("link up", signal)]);
    if (tap !== undefined) await keysLogged(tap, clock, signal);
    for (const daemon of [edge, origin]) void daemon.died.then((error) => exchanges.fail(error));

    let reloads = 0;
    const reload = (daemon: ChildDaemon, count: number) => {
      daemon.child.kill("SIGHUP");
      return daemon.logged("config reloaded", signal, count);
    };
    return {
      visitors: addressIn(ready, "visitors"),
      link,
      tap,
      edge: edge.child,
      originSide: origin.child,
      exchanges,
      async rotateKey() {
        const { secret } = key;
        key = { ...freshKey(), previous: { secret } };
        await writeEdge(key);
        await reload(edge, 2 * reloads + 1);
        key = { id: key.id, secret: key.secret };
        await writeOrigin();
        await reload(origin, reloads + 1);
        await origin.logged("link up", signal, linksOf(settings) * (++reloads + 1));
        await writeEdge(key);
        await reload(edge, 2 * reloads);
      },
      stop: () => undo.disposeAsync(),
    };
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

const keysLogged = (tap: LinkTap, clock: Clock, signal: AbortSignal | undefined): Promise<void> =>
  clock.within(KEY_LOG_MS, signal, async (within) => {
    while (!tap.ready) await clock.sleep(KEY_LOG_EVERY_MS, within);
  });

function addressIn(line: LogLine, field: "visitors" | "tunnel"): string {
  const address = line[field];
  if (typeof address === "string") return address;
  throw new Error(`the edge's ready line has no ${field} address: ${JSON.stringify(line)}`);
}
