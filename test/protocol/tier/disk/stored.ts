/** Versions as they go to a tier below memory, for its tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprintOf } from "../../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../../protocol/store/partition.ts";
import type { StoreId } from "../../../../protocol/store/stored-version.ts";
import type { StoredPlace, StoredVersion } from "../../../../protocol/tier/lower-tier.ts";

export const PARTITION = partitionOf({ keyId: "k", host: "www.example.com" });
export const PEER = "p".repeat(16) as StoreId;

export const storedVersion = (
  text: string | Buffer,
  place: Partial<StoredPlace> = {},
  more: Partial<StoredVersion> = {},
): StoredVersion => {
  const body = new Uint8Array(Buffer.from(text));
  const at = { scopeKey: "public", url: "/news", templates: ["html /*", "html **"], ...place } as const;
  return {
    partition: PARTITION,
    fingerprint: fingerprintOf(body),
    body,
    stores: [PEER],
    retention: at.scopeKey === "public" ? "keep" : "session",
    place: at,
    ...more,
  };
};

/** A folder that is gone after `use`. */
export const inFolder = async (use: (folder: string) => unknown): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-versions-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

export const textOf = ({ body }: StoredVersion): string => Buffer.from(body).toString();
