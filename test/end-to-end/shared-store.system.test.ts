/** Two pairs on one Redis: what came over one is a base for the other, and a host that is forgotten at one edge is forgotten at all. */
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startRedis } from "../../bench/rig/redis-server.ts";
import { Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { describeWith, REDIS } from "../kit/outside-program.ts";
import { openPair } from "../kit/pair.ts";
import { until } from "../kit/until.ts";

const HOST = "www.example.com";
const PAGE_BYTES = 40_000;
const SESSION = "session=0f3a9c1b5d7e0f3a9c1b5d7e0f3a9c1b";

/** May run a twentieth as fast as time: a machine that has much else to do asks the store, and hears of it, in time too. */
class PatientClock extends Clock {
  #slowness = 1;
  #since = systemClock.now();
  #before = 0;

  override now(): number {
    return this.#before + (systemClock.now() - this.#since) / this.#slowness;
  }

  override after(ms: number, run: () => void) {
    return systemClock.after(ms * this.#slowness, run);
  }

  bePatient(patient: boolean): void {
    this.#before = this.now();
    this.#since = systemClock.now();
    this.#slowness = patient ? 20 : 1;
  }
}

describeWith(REDIS, "two pairs with a shared store", (program) => {
  it("build on each other's pages, those of a session for it alone, go on while it hangs, is gone, full or emptied, and forget together", async () => {
    await using redis = await startRedis(program);
    const keyFile = join(tmpdir(), `coilgun-shared-${process.pid}.key`);
    writeFileSync(keyFile, "07".repeat(32), { mode: 0o600 });
    await using undo = new AsyncDisposableStack();
    undo.defer(() => rmSync(keyFile));
    const noise = randomText(PAGE_BYTES);
    let count = 0;
    const clock = new PatientClock();
    const settings = { store: { shared: redis.url, keyFile, sessions: "shared" } };
    const pair = async () =>
      undo.use(
        await openPair({
          serve: ({ headers }, response) =>
            response
              .setHeader("content-type", "text/html")
              .end(`${headers.cookie === undefined ? noise : noise.toUpperCase()} ${count++}`),
          edge: settings,
          origin: settings,
          clock,
        }),
      );
    const [first, second] = [await pair(), await pair()];
    const visit = async ({ port }: { readonly port: number }, path: string, cookie?: string) => {
      const headers = { host: HOST, "sec-fetch-site": "none", ...(cookie === undefined ? {} : { cookie }) };
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
      return (await response.text()).length;
    };
    const tiers = () =>
      [first, second]
        .flatMap(({ edge, origin }) => [edge, origin])
        .map(({ watched }) => watched?.store().tiers[0]);
    const isReached = () => until(() => tiers().every((tier) => tier?.reached), "a store that all reach");
    await isReached();
    clock.bePatient(true);

    await visit(first, "/a");
    const parts = async () => ((await redis.ask("KEYS", "*:[lv]:*")) as readonly unknown[]).length;
    // Of edges under its URL, and lists of it and of two templates; of origin sides under its name.
    await expect.poll(parts, { timeout: 20_000 }).toBe(5);
    await isReached();
    await visit(second, "/a");
    expect(await second.visited(1)).toMatchObject({ answer: "delta" });
    const { answerBytes } = await second.visited(1);
    expect(answerBytes).toBeLessThan(PAGE_BYTES / 40);

    // Of a session, whose page has nothing of what is everybody's.
    await expect.poll(parts, { timeout: 20_000 }).toBe(6);
    await visit(first, "/own", SESSION);
    await expect.poll(parts, { timeout: 20_000 }).toBe(11);
    await visit(second, "/b");
    await visit(second, "/own", SESSION);
    const own = await second.visited(3);
    expect(own.answer).toBe("delta");
    expect(own.answerBytes).toBeLessThan(PAGE_BYTES / 40);

    clock.bePatient(false);
    redis.freeze();
    expect(await visit(second, "/f")).toBeGreaterThan(PAGE_BYTES);
    redis.thaw();

    await isReached();
    await redis.kill();
    expect(await visit(second, "/c")).toBeGreaterThan(PAGE_BYTES);
    await redis.start();
    await redis.ask("CONFIG", "SET", "maxmemory", "1");
    await isReached();
    expect(await visit(first, "/d")).toBeGreaterThan(PAGE_BYTES);
    await redis.ask("CONFIG", "SET", "maxmemory", "0");
    await redis.ask("FLUSHALL");
    expect(await visit(first, "/e")).toBeGreaterThan(PAGE_BYTES);

    await isReached();
    await first.edge.forget({ host: HOST, url: undefined });
    const held = () => [first, second].map(({ edge }) => edge.watched?.store().versions);
    await until(() => held().every((versions) => versions === 0), "two edges that forgot");
    await visit(second, "/a");
    expect(await second.visited(6)).toMatchObject({ answer: "whole" });
  });
});

const randomText = (bytes: number): string => {
  let [text, state] = ["", 1];
  while (text.length < bytes) {
    state = (state * 48_271) % 2_147_483_647;
    text += state.toString(36);
  }
  return text.slice(0, bytes);
};
