/** A tunnel listener on a free loopback port, and links dialled to it, for tests over real sockets. */
import { systemClock } from "../../protocol/runtime/clock.ts";
import { dialLink } from "../../protocol/transport/dial-link.ts";
import { makeLinkKey, type Secret } from "../../protocol/transport/key.ts";
import { type ListenOptions, listenForLinks, type TunnelListener } from "../../protocol/transport/listen.ts";
import type { DialSecurity, ListenSecurity } from "../../protocol/transport/tls.ts";
import type { Transport } from "../../protocol/transport/transport.ts";
import { makeAuthority } from "./certificates.ts";

export const HOST = "127.0.0.1";

export interface Tunnel extends AsyncDisposable {
  readonly listener: TunnelListener;
  readonly port: number;
  /** What `refused` was told, oldest first. */
  readonly refusals: string[];
  /** Resolves when `refused` has been told `count` times altogether. */
  refusalsReach(count: number): Promise<readonly string[]>;
  /** The next transport that the listener accepts, in order. */
  accepted(): Promise<Transport>;
}

/** Opens a listener; disposing closes it and every transport. */
export const openTunnel = async (
  security: ListenSecurity,
  options: Partial<Pick<ListenOptions, "clock" | "limits">> = {},
): Promise<Tunnel> => {
  const refusals: string[] = [];
  const arrived: Transport[] = [];
  const wanting: ((transport: Transport) => void)[] = [];
  let waits: { count: number; resolve: () => void }[] = [];
  const listener = await listenForLinks({
    host: HOST,
    port: 0,
    security,
    clock: systemClock,
    ...options,
    accept(transport) {
      const want = wanting.shift();
      if (want === undefined) arrived.push(transport);
      else want(transport);
    },
    full: () => void refusals.push("full"),
    refused(why) {
      refusals.push(why);
      for (const wait of waits) if (refusals.length >= wait.count) wait.resolve();
      waits = waits.filter((wait) => refusals.length < wait.count);
    },
  });
  return {
    listener,
    port: listener.address.port,
    refusals,
    refusalsReach: async (count) => {
      if (refusals.length < count) await new Promise<void>((resolve) => waits.push({ count, resolve }));
      return refusals;
    },
    accepted: () => {
      const first = arrived.shift();
      return first === undefined ? new Promise((resolve) => wanting.push(resolve)) : Promise.resolve(first);
    },
    [Symbol.asyncDispose]: () => listener.close(),
  };
};

/** Dials a tunnel on loopback with the machine's clock. */
export const dialTunnel = (port: number, security: DialSecurity, signal?: AbortSignal): Promise<Transport> =>
  dialLink({ host: HOST, port, security, clock: systemClock, ...(signal === undefined ? {} : { signal }) });

/** Both ends' settings of each mode, fit for each other. */
export interface MatchingSecurity {
  readonly listen: ListenSecurity;
  readonly dial: DialSecurity;
}

export const pskSecurity = (id = "edge-1"): MatchingSecurity & { readonly keys: Map<string, Secret> } => {
  const key = makeLinkKey(id);
  const keys = new Map([[key.id, key.secret]]);
  return {
    keys,
    listen: { mode: "psk", secretsOf: (asked) => [keys.get(asked) ?? []].flat() },
    dial: { mode: "psk", key },
  };
};

export const certificateSecurity = (): MatchingSecurity => {
  const authority = makeAuthority();
  const server = authority.issue({ name: "edge.test", names: ["edge.test", HOST] });
  return {
    listen: { mode: "certificate", ...server },
    dial: { mode: "certificate", authorities: authority.certificate },
  };
};

export const plainSecurity = (): MatchingSecurity => ({ listen: { mode: "plain" }, dial: { mode: "plain" } });
