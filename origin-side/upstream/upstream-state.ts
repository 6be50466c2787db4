/**
 * Whether a web server of a route that has several is given requests: what requests have met there (passively, as nginx's max_fails and
 * fail_timeout), and what its checks say. One line of log when it is given none any more, one when it is again. docs/operations.md
 * section "Several web servers of one route".
 */
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { printUpstreamAddress } from "../../protocol/upstream/upstream-address.ts";
import type { Route } from "../config/route-config.ts";

export interface StateOptions {
  readonly clock: Clock;
  readonly log?: Pick<Log, "warn" | "info"> | undefined;
}

export class UpstreamState {
  readonly #route: Route;
  readonly #options: StateOptions;
  /** Failed requests, and passed or failed checks, since the last one that came out otherwise. */
  #failures = 0;
  #checks = { passed: true, alike: 0 };
  /** When a request tries it again; undefined: requests have not marked it. */
  #retryAt: number | undefined;
  #unhealthy = false;

  constructor(route: Route, options: StateOptions) {
    this.#route = route;
    this.#options = options;
  }

  /** Whether a request goes there. One that cannot be repeated leaves the first try after a failure to others. */
  serves(repeatable: boolean): boolean {
    if (this.#retryAt === undefined || this.#unhealthy) return !this.#unhealthy;
    return this.#options.clock.now() >= this.#retryAt + (repeatable ? 0 : this.#route.failMs);
  }

  /** A request goes there: where it is the try after a failure, others wait for what comes of it. */
  asked(): void {
    if (this.#retryAt !== undefined) this.#retryAt = this.#options.clock.now() + this.#route.failMs;
  }

  answered(): void {
    this.#failures = 0;
    if (this.#retryAt === undefined) return;
    this.#change(() => {
      this.#retryAt = undefined;
    }, "a request was answered");
  }

  /** `unreachable`: no connection could be made, which marks it at once. */
  failed(why: string, unreachable: boolean): void {
    this.#failures++;
    const marks = unreachable || this.#failures >= this.#route.maxFails || this.#retryAt !== undefined;
    if (!marks) return;
    this.#change(() => {
      this.#retryAt = this.#options.clock.now() + this.#route.failMs;
    }, why);
  }

  /** A check came out; `failure`: why it failed. */
  checked(failure: string | undefined): void {
    const { health } = this.#route;
    const passed = failure === undefined;
    this.#checks = { passed, alike: passed === this.#checks.passed ? this.#checks.alike + 1 : 1 };
    if (health === undefined || this.#checks.alike < (passed ? health.healthy : health.unhealthy)) return;
    this.#change(() => {
      this.#unhealthy = !passed;
      if (passed) this.#retryAt = undefined;
    }, failure ?? "its checks pass");
  }

  get #isDown(): boolean {
    return this.#unhealthy || this.#retryAt !== undefined;
  }

  #change(change: () => void, why: string): void {
    const wasDown = this.#isDown;
    change();
    if (this.#isDown === wasDown) return;
    const { host, path, origin } = this.#route;
    const fields = { route: `${host}${path}`, upstream: printUpstreamAddress(origin), why };
    if (wasDown) this.#options.log?.info("upstream up", fields);
    else this.#options.log?.warn("upstream down", fields);
  }
}
