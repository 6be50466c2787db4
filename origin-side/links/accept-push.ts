/**
 * Versions that an edge pushes: rebuilt on versions that this side holds, verified, and kept to be offered later. One that
 * cannot be had (a base is gone, no memory, too many) is passed over in silence: an offer of it then helps nobody, and
 * harms nobody. SPEC section "Version push".
 */
import { DeltaError } from "../../protocol/codec/codec.ts";
import { codecById } from "../../protocol/codec/codecs.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { LinkError } from "../../protocol/errors.ts";
import type { VersionFrame } from "../../protocol/frames/frame.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { commonName, MOST_NAME_CHARS } from "../../protocol/store/common-base-name.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { type Partition, partitionOf } from "../../protocol/store/partition.ts";
import type { Version, VersionStore } from "../../protocol/store/version-store.ts";
import { TieredStore } from "../../protocol/tier/tiered-store.ts";

/** The largest version that is taken. @internal */
export const MOST_PUSHED_BYTES = 1024 * 1024;
/** Taken from one link in any one minute. @internal */
export const MOST_PUSHES_PER_MINUTE = 240;
const MINUTE_MS = 60_000;

/** What is asked of a link. */
export interface PushingLink {
  readonly keyId: string;
  readonly peer: { readonly features: readonly string[] };
}

export interface PushReceiverDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: VersionStore;
  readonly memory: MemoryBudget;
}

export class PushReceiver {
  readonly #options: PushReceiverDependencies;
  readonly #minutes = new WeakMap<PushingLink, { endsAt: number; left: number }>();

  constructor(options: PushReceiverDependencies) {
    this.#options = options;
  }

  /** Resolves when the version is held, or passed over: with why. Throws LinkError when the two sides did not agree on it. */
  take(link: PushingLink, pushed: VersionFrame): Promise<string | undefined> {
    if (!link.peer.features.includes("push"))
      throw new LinkError("bad-frame", "a version is pushed, and the hellos do not name push");
    return this.#take(link, pushed).then((passedOver) => {
      const { host, name } = pushed;
      if (passedOver !== undefined)
        this.#options.log.debug("push passed over", { host, name, why: passedOver });
      return passedOver;
    });
  }

  /** Sizes are checked, and memory is asked for, before anything is decoded. */
  async #take(link: PushingLink, pushed: VersionFrame): Promise<string | undefined> {
    const { store, memory } = this.#options;
    if (pushed.size > MOST_PUSHED_BYTES || pushed.name.length > MOST_NAME_CHARS) return "too large";
    if (!this.#inTime(link)) return "too many in a minute";
    const partition = partitionOf({ keyId: link.keyId, host: pushed.host });
    if (store instanceof TieredStore) await store.fetchNominated(partition, pushed.bases);
    const bases = this.#bases(partition, pushed);
    if (bases === undefined) return "a base is gone";
    const lease = memory.lease(link.keyId);
    try {
      if (!lease.grow(pushed.size + pushed.coded.length)) return "no memory";
      const body = await decoded(pushed, bases);
      const fingerprint = body && fingerprintOf(body);
      if (body === undefined || !fingerprint?.startsWith(pushed.result)) return "it does not verify";
      const retention = pushed.noStore ? "no-store" : "session";
      const url = commonName(pushed.name);
      const scope = { kind: "public", retention } as const;
      store.remember(partition, { url, templates: [], body, fingerprint, scope });
      return undefined;
    } finally {
      lease.release();
    }
  }

  #bases(partition: Partition, { bases }: VersionFrame): readonly Version[] | undefined {
    const found = bases.flatMap((short) => this.#options.store.nominated(partition, [short])[0] ?? []);
    return found.length === bases.length ? found : undefined;
  }

  #inTime(link: PushingLink): boolean {
    const now = this.#options.clock.now();
    let minute = this.#minutes.get(link);
    if (minute === undefined || now >= minute.endsAt) {
      minute = { endsAt: now + MINUTE_MS, left: MOST_PUSHES_PER_MINUTE };
      this.#minutes.set(link, minute);
    }
    if (minute.left === 0) return false;
    minute.left -= 1;
    return true;
  }
}

/** No edge mixes what it pushes: of what takes turns, one link could send as much as half of a core decodes. */
const takesNoTurns = (): never => {
  throw new DeltaError("a version that takes turns to decode");
};

/** Undefined for what no codec makes anything of, or only in turns. */
const decoded = async (
  { codec, coded, size }: VersionFrame,
  bases: readonly Version[],
): Promise<Buffer | undefined> => {
  try {
    const body = await codecById(codec)?.decode(
      bases.map(({ body }) => body),
      coded,
      { pageBytes: size, stillWanted: takesNoTurns },
    );
    return body?.length === size ? body : undefined;
  } catch (error) {
    if (error instanceof DeltaError) return undefined;
    throw error;
  }
};
