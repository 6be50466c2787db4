/** What a daemon could not tell a shared store, as the next one finds it. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { Untold } from "../../../../protocol/tier/shared/untold.ts";
import { derivedKey } from "../../../../protocol/tier/store-key.ts";

it("is found beside one that another process tells just then", () => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-untold-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "store.key-untold-edge-");
  const troubles: unknown[] = [];
  const key = derivedKey(randomBytes(32), "test");
  const untold = new Untold({ path, key, log: { warn: (...words: unknown[]) => troubles.push(words) } });
  const what = { of: { host: "www.example.com" }, url: "/page" };
  untold.keep(what);
  // Listed, and not there when it is read.
  symlinkSync(join(folder, "nowhere"), `${path}gone`);
  expect([untold.left(), troubles]).toEqual([[what], []]);
});
