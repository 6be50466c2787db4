/**
 * What a comparison runs on, each a process of its own: a web server, the pair (edge beside the visitors, origin side
 * beside the web server) and the plain proxy (beside the visitors). The link is between the daemons, and between plain
 * proxy and web server; on it an emulator may stand, one for each way so that none disturbs another.
 */
import type { ChildProcess } from "node:child_process";
import { parseHostPort } from "../../protocol/config/units.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { type BetweenDaemons, joinPair } from "../rig/daemon-pair.ts";
import type { PairSettings } from "../rig/pair-config.ts";
import { ask } from "./child-channel.ts";
import type { EmulatorSettings } from "./emulator.ts";
import { type Program, startProgram, WATCHED } from "./program.ts";
import { HOST } from "./timed-visit.ts";
import type { SocketBytes, VitalSigns } from "./vital-signs.ts";

export type LinkSettings = Omit<EmulatorSettings, "target">;

export interface StageOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Between the ends; undefined: nothing but loopback. */
  readonly link?: LinkSettings | undefined;
  /** What pages come from; undefined: web-server. */
  readonly webServer?: { readonly program: string; readonly settings: object } | undefined;
  /** Laid over the daemons' defaults. */
  readonly settings?: PairSettings | undefined;
  /** A folder for CPU profiles of both daemons. */
  readonly profile?: string | undefined;
}

export interface Stage {
  /** Where visitors go: through the pair, through the plain proxy, straight to the web server over the same link. */
  readonly pair: string;
  readonly plain: string;
  readonly straight: string;
  readonly children: StageChildren;
  /** Bytes on the link, both ways, since the start. */
  linkBytes(way: "pair" | "plain"): Promise<number>;
  /** Health of a measured process since the last question. */
  signsOf(child: ChildProcess): Promise<VitalSigns>;
  /** Throws what a daemon died of, if one did. */
  throwIfFailed(): void;
}

export interface StageChildren {
  readonly edge: ChildProcess;
  readonly originSide: ChildProcess;
  readonly plain: ChildProcess;
  readonly webServer: ChildProcess;
}

const WEB_SERVER = { program: "web-server", settings: {} };

/** Starts everything; `running` ends it. */
export async function startStage(options: StageOptions, running: AsyncDisposableStack): Promise<Stage> {
  const { clock, signal, link, profile, webServer: { program, settings } = WEB_SERVER } = options;
  const asking = { clock, signal };
  const start = async (
    name: string,
    settings: object,
    nodeOptions: readonly string[] = [],
  ): Promise<Program> => {
    const program = await startProgram(name, settings, { ...asking, nodeOptions });
    running.defer(() => program.close());
    return program;
  };
  const over = async (target: string): Promise<string> =>
    link === undefined ? target : (await start("emulator", { target, ...link })).address;

  const webServer = await start(program, settings);
  let tunnel = "";
  const pair = await joinPair(
    {
      routes: [{ host: HOST, origin: webServer.address }],
      clock,
      signal,
      settings: quiet(options.settings),
      nodeOptions: [...WATCHED, ...(profile === undefined ? [] : profiling(profile))],
    },
    async (edgeTunnel): Promise<BetweenDaemons> => {
      tunnel = edgeTunnel;
      return { address: await over(edgeTunnel), close: async () => undefined };
    },
  );
  running.defer(() => pair.stop());
  const [towardsPlain, straight] = await Promise.all([over(webServer.address), over(webServer.address)]);
  const plain = await start("plain-proxy", { target: towardsPlain }, WATCHED);

  const signsOf = async (child: ChildProcess) =>
    (await ask(child, "vital signs", undefined, asking)) as VitalSigns;
  return {
    pair: pair.visitors,
    plain: plain.address,
    straight,
    children: {
      edge: pair.edge,
      originSide: pair.originSide,
      plain: plain.child,
      webServer: webServer.child,
    },
    async linkBytes(way) {
      if (way === "plain") return bothWays((await signsOf(plain.child)).dialled);
      return bothWays((await signsOf(pair.edge)).inbound[parseHostPort(tunnel).port]);
    },
    signsOf,
    throwIfFailed: () => pair.exchanges.throwIfFailed(),
  };
}

/** As users run them: without access lines, which the harness does not need here and which cost time. */
const quiet = (settings: PairSettings = {}): PairSettings => ({
  ...settings,
  edge: { ...settings.edge, accessLog: "off" },
  origin: { ...settings.origin, accessLog: "off" },
});

const profiling = (folder: string): string[] => ["--cpu-prof", `--cpu-prof-dir=${folder}`];

const bothWays = (bytes: SocketBytes | undefined): number =>
  bytes === undefined ? 0 : bytes.received + bytes.sent;
