/** A body that is sent again in a coding is encoded once, within the store's bytes. */

import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { CompressorPool } from "../../../edge-side/compress/compressor-pool.ts";
import type { PageCopies } from "../../../edge-side/compress/page-copies.ts";
import { sendWhole } from "../../../edge-side/compress/send-compressed.ts";
import { VaryingPages } from "../../../edge-side/compress/varying-pages.ts";
import type { Visitor } from "../../../edge-side/exchange/visitor.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { type Version, VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const PAGE = Buffer.from("<p>a page that is asked for again and again".repeat(500));
const HEAD = { status: 200, reason: "OK", fields: ["Content-Type", "text/html"] };
const partition = partitionOf({ keyId: "k", host: "www.example.com" });
const scope = { kind: "public", retention: "keep" } as const;

const open = (bytes = 2 ** 20) => {
  const store = new VersionStore({ clock: new FakeClock(), bytes });
  const remember = (body = PAGE): Version | undefined =>
    store.remember(partition, { url: "/", templates: [], body, fingerprint: fingerprintOf(body), scope });
  const version = remember();
  const memory = new MemoryBudget({ totalBytes: 2 ** 30, shareBytes: 2 ** 30 });
  const encoders = new CompressorPool(memory, () => 0);
  const varying = new VaryingPages();
  let taken = 0;
  const take = encoders.take.bind(encoders);
  encoders.take = (...args) => {
    taken++;
    return take(...args);
  };
  /** Sends the page to a visitor; resolves with the coding it said and what it sent. */
  const send = async (accepted: string, worthKeeping: boolean): Promise<[string | undefined, Buffer]> => {
    const copies: PageCopies = {
      worthKeeping,
      findCopy: (coding) => version && store.copyOf(version, coding),
      keepCopy: (coding, copy) => version && store.keepCopy(version, coding, copy),
    };
    let coding: string | undefined;
    let sent: Buffer = Buffer.alloc(0);
    const visitor = {
      method: "GET",
      fields: ["Accept-Encoding", accepted],
      compress: true,
      head: ({ fields }: typeof HEAD) => {
        coding = fields[fields.indexOf("Content-Encoding") + 1];
        expect(fields[fields.indexOf("Content-Length") + 1]).toMatch(/^\d+$/);
      },
      end: (_: readonly string[], last: Buffer) => {
        sent = last;
      },
    } as unknown as Visitor;
    await sendWhole(
      {
        visitor,
        head: HEAD,
        encoders,
        varying,
        memory: { hold: () => true },
        exposure: "none",
        keyId: "k",
        leaving: (head) => head,
      },
      { page: PAGE, end: { how: "complete", trailers: [] } },
      copies,
    );
    return [coding, sent];
  };
  return { store, remember, version, send, taken: () => taken };
};

describe("a page in a content coding", () => {
  it("is encoded anew as long as it is not worth keeping", async () => {
    const { send, taken, store, version } = open();
    const before = store.bytes;
    for (let again = 0; again < 3; again++) await send("br", false);
    expect([taken(), store.bytes - before, version && store.copyOf(version, "br")]).toEqual([
      3,
      0,
      undefined,
    ]);
  });

  it("is encoded once where it is, for each coding, and charged to the store", async () => {
    const { send, taken, store } = open();
    const before = store.bytes;
    for (let again = 0; again < 3; again++) {
      const [br, gzip] = [await send("br", true), await send("gzip, br;q=0.5", true)];
      expect([br[0], gzip[0]]).toEqual(["br", "gzip"]);
      expect(brotliDecompressSync(br[1]).equals(PAGE) && gunzipSync(gzip[1]).equals(PAGE)).toBe(true);
    }
    expect(taken()).toBe(2);
    const [[, br], [, gzip]] = [await send("br", true), await send("gzip", true)];
    expect(store.bytes - before).toBeGreaterThanOrEqual(br.length + gzip.length);
  });

  it("goes with its version", async () => {
    const { send, store, remember, version } = open(32 * 1024);
    await send("br", true);
    expect(version && store.copyOf(version, "br")).toBeDefined();
    for (let other = 0; other < 40; other++) remember(Buffer.from(`another page ${other}`.repeat(100)));
    expect(version && store.holds(version)).toBe(false);
    expect(store.bytes).toBeLessThanOrEqual(32 * 1024);
    store.close();
    expect(store.bytes).toBe(0);
  });

  it("is not kept for a version that the store has let go of", async () => {
    const { send, store } = open();
    store.forget({ partition });
    await send("br", true);
    expect(store.bytes).toBe(0);
  });
});
