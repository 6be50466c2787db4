import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EVERY_MS } from "../../../edge-side/exchange/whole-answers.ts";
import { startEdge } from "../../../edge-side/run/daemon.ts";
import { FIXTURE_SECRET } from "../../kit/config-fixtures.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { openPair, type Pair } from "../../kit/pair.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { until } from "../../kit/until.ts";
import { begin, finish, visit } from "../../kit/visits.ts";
import { GET, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const OTHER_SECRET = FIXTURE_SECRET.replace("AAEC", "BBEC");
const key = (id = "k", secret = FIXTURE_SECRET, hosts: readonly unknown[] = ["www.example.com"]) => ({
  id,
  secret,
  hosts,
});

describe("an edge that reads its config again", () => {
  let pair: Pair;
  beforeEach(async () => {
    pair = await openPair({ serve: (_, response) => response.end("ok") });
  });
  afterEach(() => pair[Symbol.asyncDispose]());

  const whyDown = (): unknown => pair.originLog.lines.find(({ event }) => event === "link down")?.fields.code;

  it("keeps the links of keys that stay", async () => {
    await pair.edge.reload(edgeConfigOf({ keys: [key(), key("k2", OTHER_SECRET, ["b.example.com"])] }));
    expect((await visit(pair.port)).status).toBe(200);
    expect(pair.edgeLog.count("link down")).toBe(0);
  });

  it.each([
    ["is gone", [key("k2", OTHER_SECRET)]],
    ["has another secret", [key("k", OTHER_SECRET)]],
  ])("closes the links of a key that %s, and lets it in no more", async (_, keys) => {
    await pair.edge.reload(edgeConfigOf({ keys, times: { link: "100ms" } }));
    await pair.originLog.heard("link down");
    expect(whyDown()).toBe("key-removed");
    expect((await visit(pair.port)).status).toBe(503);
    await pair.originLog.heard("edge not reached");
    expect(pair.edgeLog.count("link up")).toBe(1);
  });

  it("serves the hosts that a key has now, and no others", async () => {
    await pair.edge.reload(edgeConfigOf({ keys: [key("k", FIXTURE_SECRET, ["b.example.com"])] }));
    expect((await visit(pair.port)).status).toBe(502);
    await pair.edge.reload(edgeConfigOf());
    expect((await visit(pair.port)).status).toBe(200);
  });
});

describe("an edge that stops", () => {
  it("records what it cuts off at its bound", async () => {
    const folder = mkdtempSync(join(tmpdir(), "coilgun-daemon-"));
    const accessLog = join(folder, "access.log");
    try {
      await using pair = await openPair({
        serve: (_, response) => response.writeHead(200, { "Content-Type": "image/png" }).write("begin"),
        edge: { accessLog, times: { drain: "100ms" } },
      });
      const response = await begin(pair.port, { path: "/endless" });
      await pair.edge.stop();
      expect((await finish(response)).cut).toBe(true);
      const [line = "{}"] = readFileSync(accessLog, "utf8").split("\n");
      expect(JSON.parse(line)).toMatchObject({ target: "/endless", status: 200, failed: expect.any(String) });
      expect(pair.edgeLog.count("access log failed")).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("takes no visitors any more", async () => {
    await using pair = await openPair({ serve: (_, response) => response.end("ok") });
    await pair.edge.stop();
    await expect(visit(pair.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

it.each(["visitors", "tunnel"])(
  "an edge whose %s port is taken starts not at all, and leaves nothing open",
  async (what) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const config = edgeConfigOf({ [what]: `127.0.0.1:${port}` });
    await expect(startEdge(config, { log: silentLog })).rejects.toMatchObject({
      cause: { code: "EADDRINUSE", port },
    });
    taken.close();
    await once(taken, "close");
  },
);

it("an edge says once an hour why its answers were whole, and leaves no timer behind", async () => {
  const clock = new FakeClock();
  const edge = await startEdgeUnderTest({ clock, settings: { times: { heartbeat: "5m" } } });
  const { visitor, exchange } = await edge.ask(GET("/"));
  exchange.answer(200, ["Content-Type", "text/html"], "x".repeat(100));
  await visitor.until("x".repeat(100));
  await clock.advance(EVERY_MS);
  const said = edge.told.filter((line) => line.startsWith("whole answers"));
  expect(said).toEqual([expect.stringContaining('"answers":1,"whole":1,"reasons":"origin-side 100 %"')]);
  await edge[Symbol.asyncDispose]();
  await until(() => clock.timers === 0, "no timer");
});
