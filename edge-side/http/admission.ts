/**
 * For which host a request is that could be read: the one that it names, or the default one where nobody serves that. Else it is refused
 * with 421, and the log says once for each host what can be done. SPEC section "Visitors".
 */
import type { Socket } from "node:net";
import { LONGEST_HOST_NAME } from "../../protocol/config/units.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { asksWhetherReady, READY_TARGET } from "./validate-request.ts";

/** The hosts of this edge, by the config as it is now. */
export interface KnownHosts {
  isServed(host: string): boolean;
  /** What requests without a host that is served are for; undefined: they are refused. */
  readonly defaultHost: string | undefined;
  /** Whether what the peer at this address says of others is believed. */
  trusts(address: string): boolean;
}

/** Whether a connection to this host may ask for it; undefined where any may (plain HTTP). */
export type Covers = ((socket: Socket, host: string) => boolean) | undefined;

/** Visitors can make up any number. @internal */
export const MOST_TOLD = 1_000;

export class Admission {
  readonly hosts: KnownHosts;
  readonly #log: Pick<Log, "warn">;
  readonly #told = new Set<string>();

  constructor(options: { readonly hosts: KnownHosts; readonly log: Pick<Log, "warn"> }) {
    this.hosts = options.hosts;
    this.#log = options.log;
  }

  /** Where it is another one than it names, its Host becomes that. */
  hostFor(
    { host, target }: { readonly host: string; readonly target: string },
    socket: Socket,
    isCovered: Covers,
  ): string | 421 {
    if (target.startsWith(READY_TARGET) && asksWhetherReady(target)) return host;
    const to = this.hosts.isServed(host) ? host : this.hosts.defaultHost;
    if (to === undefined) this.#tell(host);
    return to === undefined || isCovered?.(socket, to) === false ? 421 : to;
  }

  #tell(host: string): void {
    const name = host.slice(0, LONGEST_HOST_NAME);
    if (this.#told.has(name) || this.#told.size === MOST_TOLD) return;
    this.#told.add(name);
    this.#log.warn("host not served", {
      host: name,
      hint: "list it under keys[].hosts in edge.yaml, or name a defaultHost that takes such requests",
    });
  }
}
