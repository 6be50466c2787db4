/** Versions and what is forgotten over each kind of address, with real servers: TLS with a certificate of one's own, Sentinel, a cluster. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { expect, it } from "vitest";
import { startRedis } from "../../../bench/rig/redis-server.ts";
import { RedisUrl } from "../../../protocol/redis/redis-address.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import type { Forgotten } from "../../../protocol/tier/lower-tier.ts";
import { SharedTier } from "../../../protocol/tier/shared/shared-tier.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { freePort } from "../../kit/fake-origin.ts";
import { describeWith, REDIS } from "../../kit/outside-program.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { until } from "../../kit/until.ts";
import { PARTITION, PEER, storedVersion, textOf } from "../tier/disk/stored.ts";

const NEWS = [{ scopeKey: "public", key: "/news" }] as const;
const FORGOTTEN: Forgotten = { of: { partition: PARTITION }, url: "/news" };

describeWith(REDIS, "an address of a shared store", (program) => {
  const inFolder = (undo: AsyncDisposableStack): string => {
    const folder = mkdtempSync(join(tmpdir(), "coilgun-kinds-"));
    undo.defer(() => rmSync(folder, { recursive: true }));
    return folder;
  };

  /** What one daemon puts another reads, and what one forgets the other hears. */
  const worksAt = async (url: string, undo: AsyncDisposableStack): Promise<SharedTier> => {
    const folder = inFolder(undo);
    const open = async () => {
      const tier = new SharedTier({
        url: new RedisUrl(url),
        storeKey: Buffer.alloc(32, 1),
        untoldPath: join(folder, "untold-"),
        side: "edge",
        sessionMs: 60_000,
        lastHeard: undefined,
        clock: systemClock,
        log: silentLog,
      });
      undo.defer(() => tier.close());
      await until(() => tier.answers, `a store at ${url} that answers`);
      return tier;
    };
    const [a, b] = [await open(), await open()];
    const heard: Forgotten[] = [];
    b.heard = (what) => heard.push(what);
    const texts = async () => (await b.listed(PARTITION, NEWS, PEER)).map(textOf);
    a.put(storedVersion("page"));
    await expect.poll(texts, { timeout: 20_000, interval: 5 }).toEqual(["page"]);
    await a.forget(FORGOTTEN);
    await until(() => heard.length > 0, "the news");
    expect([heard, await texts()]).toEqual([[FORGOTTEN], []]);
    return a;
  };

  it("rediss:// works where the machine trusts who signed the certificate, and does not where it does not", async () => {
    await using undo = new AsyncDisposableStack();
    const folder = inFolder(undo);
    const authority = makeAuthority();
    const { certificate, privateKey } = authority.issue({ name: "127.0.0.1" });
    const files = { cert: certificate, key: privateKey, "ca-cert": authority.certificate };
    const tls = Object.entries(files).flatMap(([name, text]) => {
      writeFileSync(join(folder, name), text);
      return [`--tls-${name}-file`, join(folder, name)];
    });
    const port = await freePort();
    undo.use(await startRedis(program, ["--tls-port", `${port}`, ...tls, "--tls-auth-clients", "no"]));
    const url = `rediss://127.0.0.1:${port}`;
    const before = getCACertificates("default");
    const said: unknown[] = [];
    const stranger = new SharedTier({
      url: new RedisUrl(url),
      storeKey: Buffer.alloc(32, 1),
      untoldPath: join(folder, "untold-"),
      side: "edge",
      sessionMs: 60_000,
      lastHeard: undefined,
      clock: systemClock,
      log: { ...silentLog, warn: (_: string, fields: unknown) => said.push(fields) } as typeof silentLog,
    });
    undo.defer(() => stranger.close());
    await until(() => said.length > 0, "a word on the certificate");
    expect(said[0]).toMatchObject({ why: expect.stringMatching(/certificate/) });
    setDefaultCACertificates([...before, authority.certificate]);
    try {
      await worksAt(url, undo);
    } finally {
      setDefaultCACertificates(before);
    }
  });

  it("redis+sentinel:// finds the one that Sentinel names", async () => {
    await using undo = new AsyncDisposableStack();
    const [port, sentinel] = [await freePort(), await freePort()];
    undo.use(await startRedis(program, ["--port", `${port}`]));
    const monitor = ["--sentinel", "monitor", "coilgun", "127.0.0.1", `${port}`, "1"];
    undo.use(await startRedis(program, ["--sentinel", "--port", `${sentinel}`, ...monitor]));
    await worksAt(`redis+sentinel://127.0.0.1:${sentinel}/coilgun`, undo);
  });

  it("redis+cluster:// asks each node for what it has", async () => {
    await using undo = new AsyncDisposableStack();
    const ports = [await freePort(), await freePort()];
    const [first, second] = await Promise.all(
      ports.map(async (port) => {
        const cluster = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];
        const bus = ["--cluster-port", `${await freePort()}`];
        return undo.use(await startRedis(program, ["--port", `${port}`, ...cluster, ...bus]));
      }),
    );
    await first?.ask("CLUSTER", "ADDSLOTSRANGE", "0", "8191");
    await second?.ask("CLUSTER", "ADDSLOTSRANGE", "8192", "16383");
    await first?.ask("CLUSTER", "MEET", "127.0.0.1", `${ports[1]}`, await busOf(second));
    await expect
      .poll(async () => `${await first?.ask("CLUSTER", "INFO")}`, { timeout: 20_000, interval: 20 })
      .toContain("cluster_state:ok");
    const tier = await worksAt(`redis+cluster://127.0.0.1:${ports[0]}`, undo);
    // Where a page is kept is up to chance; that all are kept by one of two is out of the question.
    for (let n = 0; n < 30; n++) tier.put(storedVersion(`page ${n}`));
    const kept = () => Promise.all([first, second].map(async (each) => Number(await each?.ask("DBSIZE"))));
    const fewest = async () => Math.min(...(await kept()));
    await expect.poll(fewest, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
  });
});

const busOf = async (server: Awaited<ReturnType<typeof startRedis>> | undefined): Promise<string> =>
  /@(\d+)/.exec(`${await server?.ask("CLUSTER", "NODES")}`)?.[1] ?? "";
