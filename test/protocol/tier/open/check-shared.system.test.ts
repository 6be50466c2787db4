/** What `check` says of a shared store: reached, of daemons with another key, not there, silent, and that nothing is asked without one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RedisServer, startRedis } from "../../../../bench/rig/redis-server.ts";
import type { StoreSettings } from "../../../../protocol/config/store-settings.ts";
import { printFinding } from "../../../../protocol/daemon/findings.ts";
import { RedisUrl } from "../../../../protocol/redis/redis-address.ts";
import { Complaint } from "../../../../protocol/runtime/user-error.ts";
import { checkShared } from "../../../../protocol/tier/open/check-shared.ts";
import { keyMark } from "../../../../protocol/tier/shared/compare-keys.ts";
import { HastyClock } from "../../../kit/hasty-clock.ts";
import { describeWith, REDIS } from "../../../kit/outside-program.ts";

/** What must be reached has time, and what cannot be takes none. */
const [patient, hasty] = [new HastyClock(1 / 5), new HastyClock(5)];

describeWith(REDIS, "check of a shared store", (program) => {
  let redis: RedisServer;
  const folder = mkdtempSync(join(tmpdir(), "coilgun-check-shared-"));

  beforeAll(async () => {
    redis = await startRedis(program);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await redis[Symbol.asyncDispose]();
  });

  const check = async ({ url = redis.url, key = "07".repeat(32), shared = true, clock = patient } = {}) => {
    const keyFile = join(folder, "store.key");
    writeFileSync(keyFile, key, { mode: 0o600 });
    const settings: StoreSettings = {
      sizeBytes: 2 ** 20,
      sessionMs: 60_000,
      noStoreMs: 60_000,
      file: undefined,
      fileSizeBytes: 2 ** 23,
      sessions: "memory",
      shared: shared ? new RedisUrl(url) : undefined,
      keyFile,
    };
    return (await checkShared(settings, { side: "edge", clock })).map(printFinding);
  };

  it("is reached, and says what all need", async () => {
    const [found, ...others] = await check();
    expect([found?.startsWith("ok "), others]).toEqual([true, []]);
    expect(found).toMatch(/is reached; all that share it need the same .*store\.key/);
  });

  it("is used with another key, or the same", async () => {
    const mark = keyMark("edge");
    await redis.ask("SET", mark, "coilgun-edge-00000000");
    const [found] = await check();
    expect(found).toMatch(/^warning .*another store\.keyFile than .*store\.key\n.*copy it from one to all/s);
    await redis.ask("DEL", mark);
  });

  it("is not there, which shows no password, or answers nothing", async () => {
    const [found] = await check({ url: "redis://user:s3cret@127.0.0.1:1", clock: hasty });
    expect(found).toMatch(/^problem .*is not reached \(.*127\.0\.0\.1:1.*\)\n.*the daemon runs without it/s);
    expect(found).not.toContain("s3cret");
    redis.freeze();
    const [silent] = await check({ clock: hasty });
    redis.thaw();
    expect(silent).toMatch(/^problem .*is not reached/);
  });

  it("is not asked where there is none, and needs a key file that holds a key", async () => {
    expect(await check({ shared: false })).toEqual([]);
    await expect(check({ key: "short" })).rejects.toThrow(Complaint);
  });
});
