import { beforeEach, describe, expect, it } from "vitest";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { KEPT_PER_URL } from "../../../protocol/store/page-index.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { HeldVersion } from "../../../protocol/store/stored-version.ts";
import { type Version, VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { keptOf } from "../../kit/scavenged.ts";

const TENANT = partitionOf({ keyId: "k1", host: "a.example" });
const KIB = 1024;
const STORE_BYTES = 64 * KIB * KIB;
/** A sixteenth of the store, and a hundred and twenty-eighth. */
const MOST_BYTES = 4096 * KIB;
const SETTLED_BYTES = 512 * KIB;

let store: VersionStore;
let seen: (Version | undefined)[];
beforeEach(() => {
  store = new VersionStore({ clock: new FakeClock(), bytes: STORE_BYTES });
  seen = [];
});

const see = (body: Buffer): void => {
  const scope = { kind: "public", retention: "keep" } as const;
  seen.push(
    store.remember(TENANT, { url: "/", templates: [], body, fingerprint: fingerprintOf(body), scope }),
  );
};
const seeMany = (many: number, bytes: number): void => {
  for (const end = seen.length + many; seen.length < end; ) see(Buffer.alloc(bytes, `${seen.length} `));
};
const isHeld = (number: number): boolean => {
  const version = seen[number];
  return version !== undefined && store.holds(version);
};
/** Of those that no list names, with all that is charged for them. */
const retiredBytes = (): number =>
  seen
    .slice(0, -KEPT_PER_URL)
    .reduce((sum, version) => sum + (version instanceof HeldVersion ? version.accountedBytes : 0), 0);

describe("versions that no list names", () => {
  it("are kept within a sixteenth of the store while the peer may offer them", () => {
    seeMany(300, 10 * KIB);
    expect(store.count).toBe(300);
    seeMany(300, 10 * KIB);
    expect(retiredBytes()).toBeLessThanOrEqual(MOST_BYTES);
    expect(retiredBytes()).toBeGreaterThan(MOST_BYTES - 40 * KIB);
    expect([isHeld(0), isHeld(599 - 300)]).toEqual([false, true]);
  });

  it("are kept within a small part of it once the peer offers them no more, those longest so least", () => {
    seeMany(300, 10 * KIB);
    store.retired.settle(store.retired.mark);
    expect(retiredBytes()).toBeLessThanOrEqual(SETTLED_BYTES);
    expect(retiredBytes()).toBeGreaterThan(SETTLED_BYTES - 40 * KIB);
    expect([isHeld(0), isHeld(299 - KEPT_PER_URL)]).toEqual([false, true]);
  });

  it("are all kept that were retired since", () => {
    seeMany(100, 10 * KIB);
    const { mark } = store.retired;
    seeMany(200, 10 * KIB);
    store.retired.settle(mark);
    expect(isHeld(mark - 1)).toBe(false);
    expect(isHeld(mark)).toBe(true);
    expect(store.count).toBe(300 - mark);
    // Word of an answer before is no news.
    store.retired.settle(mark - 1);
    seeMany(1, 10 * KIB);
    expect(store.count).toBe(301 - mark);
  });

  it("are kept in some number however large they are", () => {
    seeMany(36, 100 * KIB);
    store.retired.settle(store.retired.mark);
    expect(store.count).toBe(36);
    seeMany(4, 100 * KIB);
    store.retired.settle(store.retired.mark);
    expect(store.count).toBe(36);
  });

  it("are not those that a list names again", () => {
    seeMany(300, 10 * KIB);
    see(Buffer.alloc(10 * KIB, "0 "));
    store.retired.settle(store.retired.mark);
    expect([isHeld(0), isHeld(1)]).toEqual([true, false]);
  });

  it("are freed by scavenges where each page's answer is acknowledged before many others have come", () => {
    const small = new VersionStore({ clock: new FakeClock(), bytes: 8 * KIB * KIB });
    const scope = { kind: "public", retention: "keep" } as const;
    const live = 40;
    const marks: number[] = [];
    const kept = keptOf(live, (body, number) => {
      body.write(`${number} `);
      small.remember(TENANT, { url: "/", templates: [], body, fingerprint: fingerprintOf(body), scope });
      marks.push(small.retired.mark);
      small.retired.settle(marks[number - 4] ?? 0);
    });
    expect(kept).toBeLessThan(4);
  });
});
