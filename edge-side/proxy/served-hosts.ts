/**
 * The hosts that this edge serves, by its keys: who may build on what, whether requests are compressed, which proxies are
 * believed. One object for the whole run, asked while requests are served; a reload replaces what it says.
 */
import { randomBytes } from "node:crypto";
import { inNetworks } from "../../protocol/runtime/ip-address.ts";
import { CookieHistory } from "../../protocol/scope/cookie-history.ts";
import { ScopeRules } from "../../protocol/scope/scope.ts";
import type { Secret } from "../../protocol/transport/key.ts";
import type { EdgeConfig, EdgeKey } from "../config/edge-config.ts";
import type { Trust } from "../exchange/visitor-request.ts";
import type { KeyLimits } from "../links/accept-links.ts";

const WEBSOCKET = "websocket";

/** The rules of one host. */
export interface HostRules {
  /** Who may build on what. */
  readonly scope: ScopeRules;
  /** Whether bodies of requests may cross the link compressed. */
  readonly compressRequests: boolean;
  /** What an extended CONNECT may ask for; lower case. */
  readonly connectProtocols: ReadonlySet<string>;
}

/** The part of a config that a reload may change. */
export type HostSettings = Pick<EdgeConfig, "keys" | "trustedProxies">;

export class ServedHosts {
  /** One secret for the whole run: a session key means the same after a reload. */
  readonly #sessionSecret = randomBytes(32);
  readonly #cookieHistory = new CookieHistory();
  #keys: ReadonlyMap<
    string,
    { readonly secret: Secret; readonly hosts: ReadonlySet<string>; readonly limits: KeyLimits }
  > = new Map();
  #rules: ReadonlyMap<string, HostRules> = new Map();
  #trusts: Trust = () => false;

  constructor(settings: HostSettings) {
    this.replace(settings);
  }

  /** Takes over a new config. Returns the ids of the keys whose secret is the same as before. */
  replace({ keys, trustedProxies }: HostSettings): ReadonlySet<string> {
    const before = this.#keys;
    this.#keys = new Map(
      keys.map(({ key, hosts, links, addresses }) => [
        key.id,
        {
          secret: key.secret,
          hosts: new Set(hosts.map(({ host }) => host)),
          limits: { links, lists: inNetworks(addresses) },
        },
      ]),
    );
    this.#rules = new Map(keys.flatMap(({ hosts }) => hosts.map((each) => [each.host, this.#rulesOf(each)])));
    this.#trusts = inNetworks(trustedProxies);
    const same = (id: string, secret: Secret): boolean =>
      before.get(id)?.secret.reveal().equals(secret.reveal()) === true;
    return new Set([...this.#keys].filter(([id, { secret }]) => same(id, secret)).map(([id]) => id));
  }

  /** Undefined where no key serves the host. */
  rulesOf(host: string): HostRules | undefined {
    return this.#rules.get(host);
  }

  get hosts(): Iterable<string> {
    return this.#rules.keys();
  }

  /** The host of this edge, where it has one only. */
  get soleHost(): string | undefined {
    const [host, another] = this.#rules.keys();
    return another === undefined ? host : undefined;
  }

  /** Whether links of this key may serve the host. */
  serves(keyId: string, host: string): boolean {
    return this.#keys.get(keyId)?.hosts.has(host) === true;
  }

  /** Undefined for a key that is not known, or not any more. */
  secretOf(keyId: string): Secret | undefined {
    return this.#keys.get(keyId)?.secret;
  }

  /** Who may dial with this key; undefined for one that is not known. */
  limitsOf(keyId: string): KeyLimits | undefined {
    return this.#keys.get(keyId)?.limits;
  }

  /** Whether what the peer at this address says of others is believed. */
  trusts(address: string): boolean {
    return this.#trusts(address);
  }

  #rulesOf(served: EdgeKey["hosts"][number]): HostRules {
    return {
      scope: new ScopeRules(served, this.#sessionSecret, this.#cookieHistory),
      compressRequests: served.compressRequests,
      connectProtocols: new Set([WEBSOCKET, ...served.connectProtocols]),
    };
  }
}
