/**
 * Origin sides dial in here: the tunnel port, the greeting, and the pool that links join when they are up. A link whose key
 * is taken out of the config is closed at once. SPEC section "Greeting".
 */

import { sayAcceptFailed, sayLimit } from "../../protocol/daemon/limit-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { LinkError } from "../../protocol/errors.ts";
import type { Hello } from "../../protocol/frames/hello.ts";
import type { KeyProof } from "../../protocol/link/handshake.ts";
import { LinkEndpoint } from "../../protocol/link/link.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { LinkBook } from "../../protocol/link/link-book.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { Secret } from "../../protocol/transport/key.ts";
import { listenForLinks, type TunnelListener } from "../../protocol/transport/listen.ts";
import type { ListenSecurity } from "../../protocol/transport/tls.ts";
import type { Transport } from "../../protocol/transport/transport.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { TunnelListen } from "../config/tunnel-config.ts";
import { KeySightings, type Sighting } from "./key-sightings.ts";
import type { LinkPool } from "./link-pool.ts";

/** From TCP accept to the peer's proof. */
const HANDSHAKE_MS = 5_000;

export interface AcceptOptions {
  readonly config: EdgeConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: LinkPool;
  readonly book: LinkBook;
  readonly memory: MemoryBudget;
  /** To listen on in place of the config's address. */
  readonly socket: number | undefined;
  /** Those valid now. Asked at each handshake, so a key that was removed is refused from then on. */
  secretsOf(keyId: string): readonly Secret[];
  /** What the key's settings allow; undefined for one that is not known. */
  limitsOf(keyId: string): KeyLimits | undefined;
  /** A fresh hello for a new link. */
  hello(): Hello;
}

/** Who may dial with a key. */
export interface KeyLimits {
  /** Links at once. */
  readonly links: number;
  /** Whether this address is one of those listed. */
  lists(address: string): boolean;
}

/** Undefined where there is no tunnel. */
export const acceptOrigins = async (options: AcceptOptions): Promise<TunnelListener | undefined> => {
  const { config, clock, log } = options;
  const { tunnel } = config;
  if (tunnel === undefined) return undefined;
  const { listen } = tunnel;
  const sightings = new KeySightings();
  return listenForLinks({
    host: listen.host,
    port: listen.port,
    fd: options.socket,
    security: securityOf(tunnel, options),
    clock,
    limits: { pendingPerAddress: config.limits.pendingLinksPerAddress, handshakeMs: HANDSHAKE_MS },
    accept: (transport) => greet(transport, options, sightings),
    refused: (why, address) => log.warn("link refused", { address, why }),
    full: (address) => sayLimit(log, "limits.pendingLinksPerAddress", { address }),
    acceptFailed: (error) => sayAcceptFailed(log, error),
  });
};

const securityOf = (tunnel: TunnelListen, { secretsOf }: AcceptOptions): ListenSecurity => {
  switch (tunnel.mode) {
    case "psk":
      return { mode: "psk", secretsOf };
    case "plain":
      return { mode: "plain", insecure: tunnel.insecure };
    case "certificate": {
      const { certificate, privateKey, clientAuthorities } = tunnel;
      return {
        mode: "certificate",
        certificate: certificate.bytes,
        privateKey: privateKey.bytes,
        ...(clientAuthorities && { clientAuthorities: clientAuthorities.bytes }),
      };
    }
  }
};

/** A copy of the key may be in other hands. */
const warnOfOther = (
  link: Link,
  others: readonly Link[],
  {
    log,
    sightings,
    listed,
  }: { readonly log: Log; readonly sightings: KeySightings; readonly listed: boolean },
): void => {
  const other = sightings.surprising(sightingOf(link), { up: others.map(sightingOf), listed });
  if (other === undefined) return;
  const hint = "if both are yours, list them under addresses of the key; if not, make a new key";
  log.warn("key used from a new address", { key: link.keyId, address: link.peerAddress, other, hint });
};

const sightingOf = ({ keyId, peer, peerAddress }: Link): Sighting => ({
  keyId,
  instance: peer.instanceId,
  address: peerAddress,
});

const refusePush = (): never => {
  throw new LinkError("bad-frame", "only an edge pushes versions");
};

const greet = (transport: Transport, options: AcceptOptions, sightings: KeySightings): void => {
  const { config, clock, log, pool, book, memory } = options;
  const { tunnel } = config;
  const { keyId, secret } = transport.peer;
  const keyProof: KeyProof =
    keyId === undefined
      ? { by: "listener", secretsOf: (id) => options.secretsOf(id) }
      : { by: "transport", keyId, ...(secret && { secret }) };
  const behindBalancer = tunnel?.mode === "certificate" && tunnel.behindBalancer;
  let up: Link | undefined;
  new LinkEndpoint({
    transport,
    // Who has not proved a key yet is not told which version runs here.
    hello: keyProof.by === "listener" ? { ...options.hello(), program: undefined } : options.hello(),
    keyProof,
    behindBalancer,
    clock,
    heartbeatMs: config.times.heartbeatMs,
    handshakeMs: HANDSHAKE_MS,
    memory,
    events: {
      up(link) {
        if (!options.secretsOf(link.keyId).some((each) => each.equals(link.secret)))
          return link.close("key-removed", "this key is not served any more");
        const limits = options.limitsOf(link.keyId);
        const of = [...pool.links].filter(({ keyId }) => keyId === link.keyId);
        if (limits !== undefined && of.length >= limits.links) {
          sayLimit(log, "keys[].links", { key: link.keyId, address: link.peerAddress });
          return link.close("too-large", `the key has ${limits.links} links already: see links in edge.yaml`);
        }
        warnOfOther(link, of, { log, sightings, listed: limits?.lists(link.peerAddress) === true });
        up = link;
        pool.add(link);
        book.up(link);
        log.info("link up", { key: link.keyId, address: link.peerAddress });
      },
      opened: (stream) => stream.reset("refused"),
      forget() {}, // only the edge is told by its operator what to forget
      pushed: refusePush,
      trusted: () => pool.changed(),
      draining: () => log.info("link draining", { address: transport.peer.address }),
      closed(end) {
        if (up !== undefined) {
          pool.remove(up);
          book.down(up);
        }
        const key = up === undefined ? {} : { key: up.keyId };
        const { code, message: why } = end;
        const ordered = code === "shutting-down" || code === "key-removed";
        log[ordered ? "info" : "warn"]("link down", { ...key, address: transport.peer.address, code, why });
      },
    },
  });
};
