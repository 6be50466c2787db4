/**
 * A process of its own that fills a version store and reports how its memory grew. Run with --expose-gc:
 *   node --expose-gc resident-size.fixture.ts <pages> <page bytes> <store bytes> <public|session>
 * Every page is different and cut from a larger buffer, as pages from a decoder are. In `session` every page is of
 * another session and set of templates: the most there can be beside a body.
 */
import { systemClock } from "../../../protocol/runtime/clock.ts";
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../../protocol/store/page-key.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { type StoreId, VersionStore } from "../../../protocol/store/version-store.ts";

const [pages = 0, pageBytes = 0, storeBytes = 0] = process.argv.slice(2, 5).map(Number);
const crowd = process.argv[5] === "session";

const rss = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage.rss();
};

const store = new VersionStore({ clock: systemClock, bytes: storeBytes });
const partition = partitionOf({ keyId: "k1", host: "example.com" });
const from = "an origin's store" as StoreId;

const decoded = Buffer.alloc(64 * 1024);

function remember(number: number): void {
  const body = decoded.fill(".").subarray(0, pageBytes);
  body.write(`page ${number} `);
  // Digits would be taken for an id, and all pages for one template.
  const word = [...`${number}`].map((digit) => "abcdefghij"[Number(digit)]).join("");
  const url = crowd ? `/${word}/a-page-with-a-title` : `/article/${number}`;
  store.remember(partition, {
    ...pageKeyOf(url),
    body,
    fingerprint: fingerprintOf(body),
    scope: crowd
      ? {
          kind: "session",
          session: `session ${number}`.padEnd(16) as SessionKey,
          retention: "session",
          marks: () => [`mark${number}`, `other${number}`],
        }
      : { kind: "public", retention: "keep" },
    from,
  });
}

// The code is warm before the first measurement, so that what grows is the store.
for (let number = 0; number < 2_000; number++) remember(number);
store.close();
const before = rss();
let boundKept = true;
let most = 0;
for (let number = 0; number < pages; number++) {
  remember(number);
  boundKept &&= store.bytes <= storeBytes;
  if (number % 1_000 === 0) most = Math.max(most, process.memoryUsage.rss());
}
console.log(
  JSON.stringify({
    count: store.count,
    bytes: store.bytes,
    boundKept,
    growth: rss() - before,
    highest: most - before,
  }),
);
store.close();
