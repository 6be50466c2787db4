/** What `check` says of a shared store: reached, of daemons with another key, not there, silent, not to be used, and that nothing is asked without one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
import { freePort } from "../../../kit/fake-origin.ts";
import { HastyClock } from "../../../kit/hasty-clock.ts";
import { describeWith, REDIS } from "../../../kit/outside-program.ts";

const OPERATIONS = readFileSync(join(import.meta.dirname, "../../../../docs/operations.md"), "utf8");

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

  it("takes nothing, or lets its user do less than daemons do", async () => {
    const port = await freePort();
    await using server = await startRedis(program, ["--port", String(port), "--bind", "127.0.0.1"]);
    const [, rights = ""] = /`ACL SETUSER coilgun on >PASSWORD ([^`]+)`/.exec(OPERATIONS) ?? [];
    const few = async (...more: string[]) => {
      await server.ask("ACL", "SETUSER", "few", "reset", "on", ">pw", ...rights.split(" "), ...more);
      return check({ url: `redis://few:pw@127.0.0.1:${port}` });
    };
    expect(await few()).toEqual([expect.stringMatching(/^ok .*is reached/)]);
    const notHis = "give its user what docs";
    expect(await few("-subscribe")).toEqual([
      expect.stringMatching(RegExp(`^problem .*NOPERM.*${notHis}`, "s")),
    ]);
    for (const right of ["-set", "-hdel", "-eval", "-publish", "-xadd"])
      expect(await few(right), right).toEqual([
        expect.stringMatching(RegExp(`^problem .*refuses what daemons ask \\(.*${notHis}`, "s")),
      ]);
    expect(await server.ask("KEYS", "*")).toEqual([]);
    await server.ask("REPLICAOF", "127.0.0.1", "1");
    expect(await check({ url: server.url })).toEqual([
      expect.stringMatching(/^problem .*READONLY.*name the server that takes writes/s),
    ]);
    await server.ask("CONFIG", "SET", "requirepass", "pw");
    expect(await check({ url: `redis://127.0.0.1:${port}` })).toEqual([
      expect.stringMatching(/^problem .*NOAUTH.*write its user and password/s),
    ]);
  });

  it("is not asked where there is none, and needs a key file that holds a key", async () => {
    expect(await check({ shared: false })).toEqual([]);
    await expect(check({ key: "short" })).rejects.toThrow(Complaint);
  });
});
