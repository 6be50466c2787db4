/** When the dictionary of a site is made anew. Its text and whose pages are in it: dictionaries-scope. */
import { expect, it } from "vitest";
import { SiteDictionaries } from "../../../edge-side/dictionaries/site-dictionaries.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../../protocol/store/page-key.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { VersionStore } from "../../../protocol/store/version-store.ts";
import { pageOf } from "../../kit/changing-site.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/silent-log.ts";

const HOST = "www.example.com";

const open = () => {
  const clock = new FakeClock();
  const store = new VersionStore({ clock, bytes: 2 ** 26 });
  const memory = new MemoryBudget({ totalBytes: 2 ** 27, shareBytes: 2 ** 27 });
  const dictionaries = new SiteDictionaries({ clock, log: silentLog, store, memory });
  const partition = partitionOf({ keyId: "k", host: HOST });
  /** Three networks see the page, and some seconds pass. Resolves with the dictionary that there is then. */
  const seen = async (url: string, body: Buffer, ms: number): Promise<Buffer> => {
    for (const network of ["1", "2", "3"]) {
      const scope = { kind: "public", retention: "keep" } as const;
      const pageKey = pageKeyOf(url);
      const version = store.remember(partition, {
        ...pageKey,
        body,
        fingerprint: fingerprintOf(body),
        scope,
      });
      if (version === undefined) throw new Error("not remembered");
      dictionaries.visited({ host: HOST, keyId: "k", partition, pageKey, version, network });
    }
    await clock.advance(ms);
    await dictionaries.idle();
    return dictionaries.of(HOST)?.body ?? Buffer.alloc(0);
  };
  return { seen };
};

it("is made anew a second later while pages come that none of it was made of", async () => {
  const { seen } = open();
  for (let n = 1; n <= 6; n++) {
    const page = pageOf(n, `page ${n}`);
    await seen(`/${n}`, page, 1_500);
    expect((await seen(`/${n}`, page, 1_500)).length).toBeGreaterThan(n * 7_000);
  }
});

it("less and less often where the same pages change", async () => {
  const { seen } = open();
  const made = new Set<string>();
  for (let n = 0; n < 120; n++)
    made.add((await seen("/", pageOf(100 + Math.floor(n / 3), "news"), 370)).toString("latin1"));
  expect(made.size).toBeGreaterThan(2);
  expect(made.size).toBeLessThan(9);
});
