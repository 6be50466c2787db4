/**
 * The web servers that are asked straight from the edge: always, or while no link serves their hosts. Of these, what a
 * route of the origin side does not allow is not allowed here either: without a list of paths only what links answered
 * before is. docs/operations.md section "Without a link".
 */
import { ofHost } from "../../protocol/config/host-pattern.ts";
import { isBelow, pathOf } from "../../protocol/config/path-prefix.ts";
import { saysTheSame } from "../../protocol/config/restart-settings.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { WithoutLink } from "../../protocol/scope/no-base.ts";
import { printUpstreamAddress } from "../../protocol/upstream/upstream-address.ts";
import { UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import type { UpstreamSettings } from "../../protocol/upstream/upstream-settings.ts";
import { type AnswerSettings, type Serving, settingsByHost, type WebServer } from "../config/host-config.ts";

export interface FallbacksOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Largest response head. */
  readonly headBytes: number;
}

/** As a route has it without further settings. */
const BOUNDS = {
  connectMs: 5_000,
  answerMs: 60_000,
  idleMs: 60_000,
  connections: 128,
  queueMs: 5_000,
  openStreams: 4_096,
  restMs: 4_000,
  ageMs: 300_000,
  leastRate: 1_024,
} as const satisfies Partial<UpstreamSettings>;

/** Prefixes that are known of one host; `/` alone stands for all. @internal */
export const MOST_KNOWN_PATHS = 1_000;

/** Paths that are at or below one that a route fits. The route of a path fits all that is below it too. */
class RoutedPaths {
  readonly #known = new Set<string>();

  add(path: string): void {
    if (this.has(path)) return;
    const [oldest] = this.#known;
    if (this.#known.size >= MOST_KNOWN_PATHS && oldest !== undefined) this.#known.delete(oldest);
    this.#known.add(withoutSlashes(path));
  }

  has(path: string): boolean {
    for (let prefix = withoutSlashes(path); ; prefix = parentOf(prefix)) {
      if (this.#known.has(prefix)) return true;
      if (prefix === "/") return false;
    }
  }

  /** No route fits it any more, so none fits what is above it. */
  delete(path: string): void {
    for (const known of this.#known) if (isBelow(path, known)) this.#known.delete(known);
  }
}

const withoutSlashes = (path: string): string => path.replace(/\/+$/, "") || "/";
const parentOf = (path: string): string => withoutSlashes(path.slice(0, path.lastIndexOf("/")));

export class Fallback {
  readonly client: UpstreamClient;
  readonly settings: WebServer;
  /** No link ever serves the host. */
  readonly always: boolean;
  readonly #host: string;
  readonly #log: Log;
  readonly #routed = new RoutedPaths();
  /** Requests since no link serves the host; undefined: one does. */
  #served: number | undefined;

  constructor(
    host: string,
    settings: WebServer,
    { clock, log, headBytes }: FallbacksOptions,
    always = false,
  ) {
    const { origin, tls } = settings;
    this.#host = host;
    this.#log = log;
    this.settings = settings;
    this.always = always;
    this.client = new UpstreamClient({ ...BOUNDS, origin, tls, host }, { clock, log, headBytes });
  }

  allows(target: string): boolean {
    const path = pathOf(target);
    const { paths } = this.settings;
    if (paths === undefined) return this.always || this.#routed.has(path);
    return paths.some((prefix) => isBelow(path, prefix));
  }

  /** A request goes there. */
  serves(reason: WithoutLink): void {
    const to = printUpstreamAddress(this.settings.origin);
    if (this.#served === undefined) this.#log.warn("fallback begins", { host: this.#host, to, reason });
    this.#served = (this.#served ?? 0) + 1;
  }

  /** A link has answered. */
  linkServes(target: string): void {
    if (this.settings.paths === undefined) this.#routed.add(pathOf(target));
    if (this.#served === undefined) return;
    this.#log.info("fallback over", { host: this.#host, requests: this.#served });
    this.#served = undefined;
  }

  /** An origin side has no route for it. */
  notRouted(target: string): void {
    this.#routed.delete(pathOf(target));
  }
}

type Served = Serving<AnswerSettings & { readonly host: string; readonly direct?: WebServer }>;

export class Fallbacks {
  readonly #options: FallbacksOptions;
  #byHost: ReadonlyMap<string, Fallback> = new Map();

  constructor(serving: Served, options: FallbacksOptions) {
    this.#options = options;
    this.replace(serving);
  }

  /** Undefined where the host has none. */
  of(host: string): Fallback | undefined {
    return ofHost(this.#byHost, host);
  }

  /** Takes over a new config. One that did not change stays as it is; what runs at others goes on. */
  replace(serving: Served): void {
    const before = new Map(this.#byHost);
    const next = new Map<string, Fallback>();
    for (const [host, { fallback, direct }] of settingsByHost(serving)) {
      const settings = direct ?? fallback;
      if (settings === undefined) continue;
      const always = direct !== undefined;
      const same = before.get(host);
      const stays = same?.always === always && saysTheSame(same.settings, settings);
      next.set(host, stays ? same : new Fallback(host, settings, this.#options, always));
      if (stays) before.delete(host);
    }
    this.#byHost = next;
    for (const { client } of before.values()) void client.retire();
  }

  /** Ends every connection. */
  close(): void {
    for (const { client } of this.#byHost.values()) client.close();
  }
}
