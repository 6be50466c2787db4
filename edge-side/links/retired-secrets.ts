/**
 * Links whose secret proves their key no more: after a reload, and when the `until` of a previous secret comes. The links of one that
 * was rotated take no new streams and end with those that run, within a bound; those of a key or a secret that was taken away end at
 * once. SPEC section "Keys".
 */
import type { Log } from "../../protocol/daemon/log.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import type { Secret } from "../../protocol/transport/key.ts";
import type { EdgeKey } from "../config/edge-config.ts";
import type { LinkPool } from "./link-pool.ts";

const WHY = "this key was removed or changed at the edge";
const RETIRED = "the secret of this link is valid no more";

export interface RetiredSecretsDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: LinkPool;
  readonly hosts: {
    secretsOf(keyId: string, ms: number): readonly Secret[];
    isRetired(keyId: string, secret: Secret | undefined): boolean;
  };
  /** What runs on a link of a rotated secret has so long. */
  drainMs(): number;
}

export class RetiredSecrets {
  readonly #options: RetiredSecretsDependencies;
  #timers: Timer[] = [];

  constructor(options: RetiredSecretsDependencies) {
    this.#options = options;
  }

  /** Ends the links that these keys, which are those in use now, let in no more, and will when a previous secret ends. */
  watch(keys: readonly EdgeKey[]): void {
    const { clock, log } = this.#options;
    this.stop();
    this.#endLinks();
    this.#timers = keys.flatMap(({ key: { id, previous } }) =>
      previous?.untilMs === undefined
        ? []
        : clock.at(previous.untilMs, () => {
            log.info("previous secret ended", { key: id, links: this.#endLinks() });
          }),
    );
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }

  /** How many began to end. */
  #endLinks(): number {
    const { clock, pool, hosts } = this.#options;
    const ending = [...pool.links].filter(
      ({ keyId, secret }) => !hosts.secretsOf(keyId, clock.today()).some((each) => each.equals(secret)),
    );
    for (const link of ending)
      if (hosts.isRetired(link.keyId, link.secret)) this.#drain(link);
      else link.close("key-removed", WHY);
    return ending.length;
  }

  #drain(link: Link): void {
    const { clock, drainMs } = this.#options;
    link.drain(RETIRED);
    clock.after(drainMs(), () => link.close("key-removed", RETIRED));
  }
}
