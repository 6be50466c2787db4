/** Versions as pages of a site would be, for a file that is written without a site. Pure: each number has its page. */
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import type { StoredVersion } from "../../protocol/tier/lower-tier.ts";

export const PARTITION = partitionOf({ keyId: "bench", host: "www.example.com" });

export const urlOf = (number: number): string => `/pages/${number}`;

/** Some kilobytes of which a third compresses. */
export const madeUpVersion = (number: number, kilobytes: number): StoredVersion => {
  const lines: string[] = [];
  let state = number + 1;
  for (let line = 0; line < kilobytes * 16; line++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    lines.push(`<p class="made-up">${state.toString(36)} ${number} ${(state * 7).toString(36)}</p>`);
  }
  const body = new Uint8Array(Buffer.from(lines.join("\n")));
  const place = { scopeKey: "public", url: urlOf(number), templates: ["html /*/#", "html /*/**"] } as const;
  const fingerprint = fingerprintOf(body);
  return { partition: PARTITION, fingerprint, body, stores: [], retention: "keep", place };
};
