/** The store of a daemon, with what its settings put below memory. SPEC section "Version store". */
import type { StoreSettings } from "../../config/schema.ts";
import type { Log } from "../../daemon/log.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Lifetimes } from "../../store/store-options.ts";
import type { StoreId } from "../../store/stored-version.ts";
import { VersionStore } from "../../store/version-store.ts";
import { derived, storeKeyIn } from "../store-key.ts";
import { TieredStore } from "../tiered-store.ts";
import { DiskTier } from "./disk-tier.ts";

export interface OpenedStore {
  readonly store: VersionStore;
  /** Undefined where nothing outlives this process. */
  readonly storeId: StoreId | undefined;
  /** Forgets what is in memory; resolves when what is below is written. */
  close(): Promise<void>;
}

/** Of the session hash, where versions of sessions outlive this process. Throws Complaint for a bad key file. */
export const sessionSecretOf = ({ file, sessions, keyFile }: StoreSettings): Uint8Array | undefined =>
  file !== undefined && keyFile !== undefined && sessions === "file"
    ? derived(storeKeyIn(keyFile), "session hash")
    : undefined;

interface OpenStoreOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** See Lifetimes; undefined: the default. */
  readonly retiredMs?: number;
  /** Whether a setting names the host. */
  isNamed(host: string): boolean;
}

/** Never rejects for a file of versions that cannot be had: then there is memory alone. Throws Complaint for a bad key file. */
export const openStore = async (
  settings: StoreSettings,
  { clock, log, retiredMs, isNamed }: OpenStoreOptions,
): Promise<OpenedStore> => {
  const { sizeBytes, sessionMs, noStoreMs, file, fileSizeBytes, sessions, keyFile } = settings;
  const lifetimes: Partial<Lifetimes> = {
    sessionMs,
    noStoreMs,
    ...(retiredMs === undefined ? {} : { retiredMs }),
  };
  const options = { clock, bytes: sizeBytes, lifetimes, isNamed };
  const storeKey = file === undefined || keyFile === undefined ? undefined : storeKeyIn(keyFile);
  const tier =
    file === undefined
      ? undefined
      : await DiskTier.open({ path: file, bytes: fileSizeBytes, storeKey, sessionMs, clock, log });
  const store =
    tier === undefined
      ? new VersionStore(options)
      : new TieredStore({ ...options, tier, sessions: sessions === "file" });
  return {
    store,
    storeId: tier?.storeId,
    async close() {
      store.close();
      await tier?.close();
    },
  };
};
