// bench/pair/driver.ts: whichever driver this machine has counts answers, failures and wrong pages for what they are.
import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { startDriver } from "../../../bench/pair/driver.ts";
import { pagesByPath, tagOf } from "../../../bench/pair/pages.ts";
import { wrkVersion } from "../../../bench/pair/wrk.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

const PATH = process.env.PATH ?? "";
afterEach(() => {
  process.env.PATH = PATH;
});

/** A web server that has the steady page, the same with a byte changed, and nothing else. */
const openWeb = async () => {
  const page = pagesByPath().get("/steady-10k")?.make(0) ?? Buffer.alloc(0);
  const damaged = Buffer.from(page);
  damaged[100] = (damaged[100] ?? 0) ^ 1;
  const server = createServer((request, response) => {
    const body = request.url === "/damaged" ? damaged : page;
    response.statusCode = request.url === "/missing" ? 404 : 200;
    response.setHeader("ETag", tagOf(0)).end(body);
  });
  const address = await listenOnLoopback(server);
  return {
    address,
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
};

const fireAt = async (path: string) => {
  await using running = new AsyncDisposableStack();
  using web = await openWeb();
  const driver = await startDriver({ clock: systemClock }, running);
  const volley = { address: web.address, path, encodings: "none", connections: 2, seconds: 0.1 } as const;
  return { name: driver.name, seconds: driver.secondsOf(0.1), ...(await driver.fire(volley)) };
};

describe("autocannon, where there is no wrk", () => {
  it("is told apart, and counts", async () => {
    // No programs are in this folder.
    process.env.PATH = import.meta.dirname;
    const fired = await fireAt("/steady-10k");
    expect(fired.name).toContain("autocannon");
    expect(fired).toMatchObject({ seconds: 0.1, errors: 0, wrong: 0, firstFlaws: [] });
    expect(fired.requests).toBeGreaterThan(1);
    expect(fired.requestsPerSecond).toBeGreaterThan(1);
    expect(fired.checked).toBeGreaterThan(0);
  });
});

describe.runIf(wrkVersion() !== undefined)("wrk", () => {
  it("counts answers in whole seconds", async () => {
    const fired = await fireAt("/steady-10k");
    expect(fired.name).toMatch(/^wrk \S/);
    expect(fired).toMatchObject({ seconds: 1, errors: 0, wrong: 0, firstFlaws: [] });
    expect(fired.requests).toBeGreaterThan(1);
    expect(fired.requestsPerSecond).toBeGreaterThan(1);
    expect(fired.checked).toBeGreaterThan(0);
  });

  it("takes no error page for an answer", async () => {
    const fired = await fireAt("/missing");
    expect(fired.errors).toBe(fired.requests);
    expect(fired.firstFlaws).toContain("status 404");
  });

  it("has a wrong byte found", async () => {
    const fired = await fireAt("/damaged");
    expect(fired.errors).toBe(0);
    expect(fired.wrong).toBe(fired.checked);
    expect(fired.firstFlaws.join()).toContain("checksum");
  });
});
