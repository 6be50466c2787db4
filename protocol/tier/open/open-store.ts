/** The store of a daemon, with what its settings put below memory. SPEC section "Version store". */
import type { StoreSettings } from "../../config/store-settings.ts";
import type { Log } from "../../daemon/log.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Lifetimes } from "../../store/store-options.ts";
import type { StoreId } from "../../store/stored-version.ts";
import { VersionStore } from "../../store/version-store.ts";
import { DiskTier } from "../disk/disk-tier.ts";
import { lastHeardBeside } from "../disk/schema.ts";
import type { Forgotten } from "../lower-tier.ts";
import type { Side } from "../shared/shared-keys.ts";
import { SharedTier } from "../shared/shared-tier.ts";
import { derived, storeKeyIn } from "../store-key.ts";
import { type TierBelow, TieredStore } from "../tiered-store.ts";

export interface OpenedStore {
  readonly store: VersionStore;
  /** Undefined where nothing outlives this process. */
  readonly storeId: StoreId | undefined;
  /** Calls `heard` with what others forgot who share the store; it is forgotten here already. */
  listen(heard: (what: Forgotten) => void): void;
  /** Forgets what is in memory; resolves when what is below is written. */
  close(): Promise<void>;
}

/** Of the session hash, where versions of sessions outlive this process. Throws Complaint for a bad key file. */
export const sessionSecretOf = ({ sessions, keyFile }: StoreSettings): Uint8Array | undefined =>
  keyFile !== undefined && sessions !== "memory" ? derived(storeKeyIn(keyFile), "session hash") : undefined;

interface OpenStoreOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly side: Side;
  /** See Lifetimes; undefined: the default. */
  readonly retiredMs?: number;
  /** Whether a setting names the host. */
  isNamed(host: string): boolean;
}

/** Never rejects for what cannot be had below memory: then there is memory alone. Throws Complaint for a bad key file. */
export const openStore = async (
  settings: StoreSettings,
  { clock, log, side, retiredMs, isNamed }: OpenStoreOptions,
): Promise<OpenedStore> => {
  const { sizeBytes, sessionMs, noStoreMs, file, fileSizeBytes, sessions, shared, keyFile } = settings;
  const lifetimes: Partial<Lifetimes> = {
    sessionMs,
    noStoreMs,
    ...(retiredMs === undefined ? {} : { retiredMs }),
  };
  const options = { clock, bytes: sizeBytes, lifetimes, isNamed };
  const isBelow = file !== undefined || shared !== undefined;
  const storeKey = isBelow && keyFile !== undefined ? storeKeyIn(keyFile) : undefined;
  const tiers: TierBelow[] = [];
  // What was forgotten while this daemon was stopped is in the file still.
  const lastHeard = file === undefined ? undefined : lastHeardBeside(file);
  if (file !== undefined) {
    const tier = await DiskTier.open({ path: file, bytes: fileSizeBytes, storeKey, sessionMs, clock, log });
    if (tier !== undefined) tiers.push({ tier, sessions: sessions !== "memory" });
  }
  if (shared !== undefined && storeKey !== undefined) {
    const untoldPath = `${keyFile}-untold-${side}-`;
    const tier = new SharedTier({
      url: shared,
      storeKey,
      untoldPath,
      side,
      sessionMs,
      lastHeard,
      clock,
      log,
    });
    tiers.push({ tier, sessions: sessions === "shared" });
  }
  const store = tiers.length === 0 ? new VersionStore(options) : new TieredStore({ ...options, tiers });
  return {
    store,
    // What all share is named alike by all.
    storeId: tiers.at(-1)?.tier.storeId,
    listen(heard) {
      if (store instanceof TieredStore) store.heard = heard;
    },
    async close() {
      store.close();
      await Promise.all(tiers.map(({ tier }) => tier.close()));
    },
  };
};
