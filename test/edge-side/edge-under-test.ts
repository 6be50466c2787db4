/** A real edge on free loopback ports, with a scripted origin side on its tunnel, and raw visitors at its door. */
import { join } from "node:path";
import { stringify } from "yaml";
import { type EdgeConfig, edgeSettings } from "../../edge-side/config/edge-config.ts";
import { type EdgeDaemon, startEdge } from "../../edge-side/run/daemon.ts";
import { parseConfig } from "../../protocol/config/parse-config.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import { makeLinkKey, secretText } from "../../protocol/transport/key.ts";
import { HOST } from "../kit/raw-requests.ts";
import { RawVisitor } from "../kit/raw-visitor.ts";
import { dialScripted, type ScriptedExchange, type ScriptedOrigin } from "./scripted-origin.ts";

export { GET, HOST, request } from "../kit/raw-requests.ts";

export interface EdgeOptions {
  /** Laid over the settings of edge.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Files that the settings name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Laid over the parsed config: times shorter than a config may have them. */
  readonly times?: Partial<EdgeConfig["times"]>;
  readonly limits?: Partial<EdgeConfig["limits"]>;
  /** False: no origin side is there. */
  readonly linked?: boolean;
  /** The edge's own; the scripted origin side lives by the machine's. */
  readonly clock?: Clock;
  /** Of its event loop; idle without it. */
  readonly load?: Load;
}

export interface EdgeUnderTest extends AsyncDisposable {
  readonly daemon: EdgeDaemon;
  readonly origin: ScriptedOrigin;
  readonly config: EdgeConfig;
  /** What was logged as a warning or an error. */
  readonly troubles: string[];
  /** What was logged beside them. */
  readonly told: string[];
  /** Of the first listener, or of another. */
  port(listener?: number): number;
  visitor(listener?: number, tls?: { readonly servername?: string }): Promise<RawVisitor>;
  /** A request on a connection of its own, and the exchange that it becomes. */
  ask(request: string): Promise<{ visitor: RawVisitor; exchange: ScriptedExchange }>;
}

const key = makeLinkKey("test");

/** The setting `keys`, of the key that the scripted origin side has. */
export const keysFor = (hosts: readonly unknown[]) => [{ id: key.id, secret: secretText(key.secret), hosts }];

/** Of the config that is read. The schema is made once: its first use takes longer than most tests. */
let made: NonNullable<EdgeOptions["files"]> = {};
const SCHEMA = edgeSettings({
  pathOf: (name) => join("/", name),
  everyAddress: "0.0.0.0",
  read: (path) => Buffer.from(made[path.slice(1)] ?? ""),
});

export const configOf = ({ settings, files = {}, times, limits }: EdgeOptions): EdgeConfig => {
  made = files;
  const written = {
    visitors: "127.0.0.1:0",
    tunnel: { mode: "plain", listen: "127.0.0.1:0" },
    keys: keysFor([{ host: HOST, connectProtocols: ["echo"] }, "other.example.com"]),
    ...settings,
  };
  const config = parseConfig({ file: "edge.yaml", text: stringify(written), schema: SCHEMA });
  return { ...config, times: { ...config.times, ...times }, limits: { ...config.limits, ...limits } };
};

export const startEdgeUnderTest = async (options: EdgeOptions = {}): Promise<EdgeUnderTest> => {
  const troubles: string[] = [];
  const told: string[] = [];
  const trouble = (event: string, fields?: object) => {
    troubles.push(
      `${event} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? String(value) : value))}`,
    );
  };
  const log: Log = {
    debug() {},
    info: (event: string, fields?: object) => told.push(`${event} ${JSON.stringify(fields)}`),
    warn: trouble,
    error: trouble,
    child: () => log,
  } as unknown as Log;
  const config = configOf(options);
  const daemon = await startEdge(config, {
    log,
    load: options.load ?? (() => 0),
    ...(options.clock && { clock: options.clock }),
  });
  const origin = options.linked === false ? NOBODY : await dialScripted(daemon.tunnelAddress.port, key);
  const visitors: RawVisitor[] = [];
  let stopping: Promise<void> | undefined;
  const stop = daemon.stop.bind(daemon);
  const stopped = () => {
    stopping ??= stop();
    return stopping;
  };
  const edge: EdgeUnderTest = {
    daemon: { ...daemon, stop: stopped },
    origin,
    config,
    troubles,
    told,
    port: (listener = 0) => daemon.visitorsAddresses[listener]?.port ?? 0,
    async visitor(listener = 0, tls) {
      const visitor = await RawVisitor.connect(edge.port(listener), tls);
      visitors.push(visitor);
      return visitor;
    },
    async ask(request) {
      const visitor = await edge.visitor();
      visitor.send(request);
      return { visitor, exchange: await origin.next() };
    },
    async [Symbol.asyncDispose]() {
      for (const visitor of visitors) visitor.leave();
      await stopped();
      origin.close();
    },
  };
  return edge;
};

const NOBODY: ScriptedOrigin = {
  count: 0,
  next: () => Promise.reject(new Error("no origin side is linked")),
  script() {},
  close() {},
};
