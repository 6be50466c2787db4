/**
 * The hosts that this edge serves, by its keys: who may build on what, whether requests are compressed, which proxies are
 * believed. One object for the whole run, asked while requests are served; a reload replaces what it says.
 */
import { randomBytes } from "node:crypto";
import { isHostPattern, namesFor, ofHost } from "../../protocol/config/host-pattern.ts";
import { inNetworks } from "../../protocol/runtime/ip-address.ts";
import { CookieHistory } from "../../protocol/scope/cookie-history.ts";
import { ScopeRules } from "../../protocol/scope/scope.ts";
import { type LinkKey, type Secret, secretsAt } from "../../protocol/transport/key.ts";
import { type EdgeConfig, type EdgeKey, OFF } from "../config/edge-config.ts";
import { settingsByHost } from "../config/host-config.ts";
import type { Trust } from "../exchange/visitor-request.ts";
import type { KeyLimits } from "../links/accept-links.ts";

const WEBSOCKET = "websocket";

/** The rules of one host. */
export interface HostRules {
  /** As the setting has it: the host, or a pattern that it fits. */
  readonly name: string;
  /** A key that serves it: whose memory it takes, where no link is there. */
  readonly keyId: string;
  /** No link ever serves it. */
  readonly isDirect: boolean;
  /** Who may build on what. */
  readonly scope: ScopeRules;
  /** Whether answers may be coded with dictionaries of browsers; `on`: the site's may be made of what is not for all to keep. */
  readonly dictionaries: "auto" | "on" | "off";
  /** Caches in front may keep them. */
  readonly frontHeedsVary: boolean;
  /** Whether bodies of requests may cross the link compressed. */
  readonly compressRequests: boolean;
  /** What an extended CONNECT may ask for; lower case. */
  readonly connectProtocols: ReadonlySet<string>;
}

/** The part of a config that a reload may change. */
export type HostSettings = Pick<EdgeConfig, "keys" | "trustedProxies" | "defaultHost"> &
  Partial<Pick<EdgeConfig, "hosts">>;

export class ServedHosts {
  /** One secret for the whole run: a session key means the same after a reload. */
  readonly #sessionSecret: Uint8Array;
  readonly #cookieHistory = new CookieHistory();
  #keys: ReadonlyMap<
    string,
    {
      readonly key: LinkKey;
      /** The last secret that was a previous one: its links end in order, those of any other at once. */
      readonly retired: Secret | undefined;
      readonly hosts: ReadonlySet<string>;
      readonly limits: KeyLimits;
      readonly weight: number;
    }
  > = new Map();
  /** By key, the names it had since the start. */
  readonly #everServed = new Map<string, Set<string>>();
  #rules: ReadonlyMap<string, HostRules> = new Map();
  #trusts: Trust = () => false;
  /** Requests for unknown hosts are for this one. */
  defaultHost: string | undefined;

  /** `sessionSecret`: of a store that holds sessions' versions, and outlives this process. */
  constructor(settings: HostSettings, sessionSecret: Uint8Array = randomBytes(32)) {
    this.#sessionSecret = sessionSecret;
    this.replace(settings);
  }

  /** Takes over a new config. */
  replace({ keys, hosts = [], trustedProxies, defaultHost }: HostSettings): void {
    const before = this.#keys;
    this.#keys = new Map(
      keys.map(({ key, hosts, links, weight, addresses }) => [
        key.id,
        {
          key,
          retired: key.previous?.secret ?? before.get(key.id)?.retired,
          hosts: new Set(hosts.map(({ host }) => host)),
          limits: { links, lists: inNetworks(addresses) },
          weight,
        },
      ]),
    );
    for (const [id, key] of this.#keys)
      this.#everServed.set(id, new Set([...(this.#everServed.get(id) ?? []), ...key.hosts]));
    this.#rules = new Map(
      [...settingsByHost({ keys, hosts })].map(([host, each]) => [host, this.#rulesOf(each)]),
    );
    this.#trusts = inNetworks(trustedProxies);
    this.defaultHost = defaultHost === OFF ? undefined : (defaultHost ?? this.#soleHost);
  }

  /** Undefined where no key serves the host. */
  rulesOf(host: string): HostRules | undefined {
    return ofHost(this.#rules, host);
  }

  /** Whether a setting names this very host. */
  isNamed(host: string): boolean {
    return this.#rules.has(host);
  }

  isServed(host: string): boolean {
    return this.rulesOf(host) !== undefined;
  }

  get hosts(): Iterable<string> {
    return this.#rules.keys();
  }

  /** Those that need a link. */
  get linked(): readonly string[] {
    return [...this.#rules].flatMap(([host, { isDirect }]) => (isDirect ? [] : [host]));
  }

  /** The host of this edge, where it has one only. */
  get #soleHost(): string | undefined {
    const [host, another] = this.#rules.keys();
    return host === undefined || another !== undefined || isHostPattern(host) ? undefined : host;
  }

  /** Whether links of this key may serve the host: of several names that fit, the most particular says who may. */
  serves(keyId: string, host: string): boolean {
    const rules = this.rulesOf(host);
    return rules !== undefined && this.#keys.get(keyId)?.hosts.has(rules.name) === true;
  }

  /** Whether links of this key may have pages of the host: they may serve it, or might by an earlier config. */
  mayHold(keyId: string, host: string): boolean {
    const names = this.#everServed.get(keyId);
    return names !== undefined && [...namesFor(host)].some((name) => names.has(name));
  }

  /** Whether there may be pages of the host, of any key or none. */
  mayBeHeld(host: string): boolean {
    return this.isServed(host) || [...this.#everServed.keys()].some((keyId) => this.mayHold(keyId, host));
  }

  /** At that time (milliseconds since 1970); none of a key that is not known, or not any more. */
  secretsOf(keyId: string, ms: number): readonly Secret[] {
    const key = this.#keys.get(keyId)?.key;
    return key === undefined ? [] : secretsAt(key, ms);
  }

  /** Whether this secret was the key's while it was rotated, whatever it is now. */
  isRetired(keyId: string, secret: Secret | undefined): boolean {
    return this.#keys.get(keyId)?.retired?.equals(secret) === true;
  }

  /** The part of the pages that an origin side with this key gets, beside others. */
  weightOf(keyId: string): number {
    return this.#keys.get(keyId)?.weight ?? 1;
  }

  /** Who may dial with this key; undefined for one that is not known. */
  limitsOf(keyId: string): KeyLimits | undefined {
    return this.#keys.get(keyId)?.limits;
  }

  /** Whether what the peer at this address says of others is believed. */
  trusts(address: string): boolean {
    return this.#trusts(address);
  }

  #rulesOf(served: EdgeKey["hosts"][number] & { readonly keyId: string }): HostRules {
    const bases = served.deltas === "off" ? "off" : served.bases;
    return {
      name: served.host,
      keyId: served.keyId,
      isDirect: served.direct !== undefined,
      scope: new ScopeRules({ ...served, bases }, this.#sessionSecret, this.#cookieHistory),
      dictionaries: served.dictionaries,
      frontHeedsVary: served.frontHeedsVary,
      compressRequests: served.compressRequests,
      connectProtocols: new Set([WEBSOCKET, ...served.connectProtocols]),
    };
  }
}
