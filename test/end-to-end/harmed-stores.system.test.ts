/**
 * Versions that are damaged where they are held, evicted at once, or cleared while a page is on its way: whole answers, byte for byte, and the
 * web server is asked once for each.
 */
import { expect, it, onTestFinished } from "vitest";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import { openSite, pageOf, visitPage } from "../kit/changing-site.ts";
import { joinHalves, openEdgeHalf, openOriginHalf, TEST_HOST } from "../kit/halves.ts";
import { watchLeaks } from "../kit/leaks.ts";

watchLeaks();

const PARTITION = partitionOf({ keyId: "k", host: TEST_HOST });
const SIDES = ["edge", "origin"] as const;

/** A pair before a site whose every page is a delta on the last one, after two visits. */
const openScene = async (storeBytes?: number) => {
  const site = await openSite();
  onTestFinished(() => site[Symbol.asyncDispose]());
  const origin = await openOriginHalf({ port: site.port, ...(storeBytes && { storeBytes }) });
  const edge = await openEdgeHalf(storeBytes ? { storeBytes } : {});
  onTestFinished(() => edge[Symbol.asyncDispose]());
  onTestFinished(() => origin[Symbol.asyncDispose]());
  await joinHalves(edge, origin);
  const answerTo = async (path = "/") => {
    const count = edge.records.length + 1;
    await visitPage(site, edge.port, { path });
    const { answer, mismatched } = await edge.record(count);
    return mismatched ? "mismatched" : answer;
  };
  expect([await answerTo(), await answerTo()]).toEqual(["whole", storeBytes ? "whole" : "delta"]);
  const stores = { edge: edge.store, origin: origin.store };
  const asked = () => site.asked.length;
  return { site, stores, answerTo, asked };
};

/** As the next page: who encodes with it copies bytes that the other side does not have. As another one: who decodes with it gets wrong bytes. */
const damage = (store: VersionStore, page: Buffer | undefined, next: Buffer): void => {
  const version = page && store.find(PARTITION, fingerprintOf(page));
  if (version === undefined) throw new Error("the page is not held");
  version.body.set(next.subarray(0, version.body.length));
};

it.each([
  ["edge", 2],
  ["origin", 1],
] as const)(
  "damaged at the %s: the page comes whole on the same stream, and the next ones are deltas again",
  async (side, seed) => {
    const { site, stores, answerTo, asked } = await openScene();
    for (const page of site.sent) damage(stores[side], page, pageOf(seed, `Page ${site.sent.length}`));
    expect(await answerTo()).toBe("mismatched");
    expect(asked()).toBe(3);
    expect([await answerTo(), await answerTo()].at(-1)).toBe("delta");
  },
);

it.each(SIDES)("cleared at the %s between two visits: a whole answer", async (side) => {
  const { stores, answerTo } = await openScene();
  expect(stores[side].forget({ host: TEST_HOST })).toBe(2);
  expect([await answerTo(), await answerTo()]).toEqual(["whole", "delta"]);
});

it.each([...SIDES, "both"] as const)(
  "cleared at %s while the web server answers: the page as it was sent",
  async (side) => {
    const { site, stores, answerTo, asked } = await openScene();
    const { promise, resolve } = Promise.withResolvers<void>();
    site.hold = promise;
    const answered = answerTo();
    await site.askedReach(3);
    for (const each of SIDES) if (side === each || side === "both") stores[each].forget({ host: TEST_HOST });
    resolve();
    expect(await answered).toMatch(/whole|delta/);
    expect(await answerTo()).toMatch(/whole|delta/);
    expect(asked()).toBe(4);
  },
);

it("evicted at once, as each page takes the place of the other: pages as they were sent", async () => {
  const { stores, answerTo, asked } = await openScene(12_000);
  const answers: unknown[] = [];
  for (const path of ["/a", "/b", "/a", "/b", "/a", "/b"]) answers.push(await answerTo(path));
  expect(
    answers.every((answer) => answer === "whole" || answer === "delta"),
    answers.join(),
  ).toBe(true);
  expect(asked()).toBe(8);
  for (const side of SIDES) expect(stores[side].count).toBeLessThan(2);
});
