/** Where requests of a route with several web servers go, and what becomes of them when one fails. Real sockets, each request awaited. */
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Route } from "../../../origin-side/config/route-config.ts";
import { Routes } from "../../../origin-side/proxy/routes.ts";
import { Upstream } from "../../../origin-side/upstream/upstream.ts";
import { Upstreams } from "../../../origin-side/upstream/upstreams.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import type { RequestBody } from "../../../protocol/upstream/body.ts";
import { UpstreamClient } from "../../../protocol/upstream/upstream-client.ts";
import { type FakeOrigin, freePort, openOrigin } from "../../kit/fake-origin.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { until } from "../../kit/until.ts";
import { FedBody, HEAD_BYTES, heard, routeTo } from "../../protocol/asking.ts";

watchLeaks();

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

const serving = async (serve: FakeOrigin["serve"]): Promise<FakeOrigin> => {
  const origin = await openOrigin(serve);
  open.push(origin);
  return origin;
};
const answering = (said: string) => serving((_, response) => response.end(said));
const resetting = () => serving((request) => request.socket.destroy());

const lines: string[] = [];
const hear = (event: string) => lines.push(event);
afterEach(() => lines.splice(0));
const OPTIONS = { headBytes: HEAD_BYTES, clock: systemClock, log: { warn: hear, info: hear } };

const servers = (...routes: readonly Route[]): Upstreams => {
  const all = routes.map((route) => new Upstream(route, OPTIONS));
  open.push({
    [Symbol.asyncDispose]: async () => {
      for (const upstream of all) upstream.close();
    },
  });
  return new Upstreams(all);
};

const fetch = (upstreams: Upstreams, method = "GET", body?: RequestBody) => {
  const length = body === undefined ? [] : ["Transfer-Encoding", "chunked"];
  const head = { method, target: "/", fields: ["Host", "www.example.com", ...length] };
  const signal = new AbortController().signal;
  return upstreams.fetch(head, () => head, { body, signal, interim: () => {} });
};
const said = async (upstreams: Upstreams, method = "GET", body?: RequestBody): Promise<string> =>
  (await heard(fetch(upstreams, method, body).then(({ response }) => response))).body;
const code = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "answered",
    (error: StreamError) => error.code,
  );

describe("requests of a route with several web servers", () => {
  it("go to each by its weight where all are equally busy", async () => {
    const [a, b] = [await answering("a"), await answering("b")];
    const upstreams = servers(routeTo(a.port, { weight: 3 }), routeTo(b.port));
    let all = "";
    for (let i = 0; i < 8; i++) all += await said(upstreams);
    expect(all).toBe("aabaaaba");
  });

  it("go to the least busy one, and past one that has no place", async () => {
    const busy = await serving(() => {});
    const idle = await answering("idle");
    const upstreams = servers(routeTo(busy.port, { weight: 100, connections: 1 }), routeTo(idle.port));
    const waiting = fetch(upstreams);
    waiting.catch(() => {});
    await busy.askedReach(1);
    expect([await said(upstreams), await said(upstreams), busy.asked.length]).toEqual(["idle", "idle", 1]);
  });

  it("go to the next one where there is no connection, with their bodies, whatever they are", async () => {
    const works = await serving(async (request, response) => {
      for await (const piece of request) response.write(piece);
      response.end();
    });
    const upstreams = servers(routeTo(await freePort(), { weight: 9 }), routeTo(works.port));
    expect(await said(upstreams, "POST", new FedBody().piece("an ").piece("order").end())).toBe("an order");
    expect(lines).toEqual(["upstream down"]);
    expect(await said(upstreams, "DELETE")).toBe("");
    expect(works.asked).toHaveLength(2);
  });

  it("go to the next one whatever the system says where none can be made", async () => {
    const works = await answering("ok");
    const nowhere = { scheme: "unix", path: "/nowhere/socket" } as const;
    const upstreams = servers(routeTo(0, { origin: nowhere, weight: 9 }), routeTo(works.port));
    expect(await said(upstreams, "POST", new FedBody().piece("an order").end())).toBe("ok");
    expect([lines, works.asked.length]).toEqual([["upstream down"], 1]);
  });

  it("are asked once more elsewhere where they change nothing, and otherwise end", async () => {
    const broken = await resetting();
    const works = await answering("ok");
    const upstreams = servers(routeTo(broken.port, { weight: 9, maxFails: 50 }), routeTo(works.port));
    expect(await said(upstreams)).toBe("ok");
    const post = fetch(upstreams, "POST", new FedBody().piece("an order").end());
    expect(await code(post)).toBe("origin-failed");
    expect([broken.asked.length, works.asked.length]).toEqual([2, 1]);
  });

  it("are given to two web servers at most, though all three break", async () => {
    const origins = [await resetting(), await resetting(), await resetting()];
    expect(await code(fetch(servers(...origins.map(({ port }) => routeTo(port)))))).toBe("origin-failed");
    expect(origins.flatMap(({ asked }) => asked)).toHaveLength(2);
  });

  it("are tried everywhere while all are down, and find one that is back", async () => {
    const works = await answering("back");
    const upstreams = servers(routeTo(await freePort()), routeTo(works.port));
    for (const { state } of upstreams.all) state.failed("was down", true);
    expect(await said(upstreams)).toBe("back");
    expect(lines).toEqual(["upstream down", "upstream down", "upstream up"]);
  });

  it("blame no web server for a visitor that gives its body up", async () => {
    const works = await answering("ok");
    const upstreams = servers(...[works.port, works.port].map((port) => routeTo(port, { maxFails: 1 })));
    works.serve = () => {};
    const given = new FedBody().piece("half an ").end("closed");
    expect(await code(fetch(upstreams, "POST", given))).toBe("origin-failed");
    expect(lines).toEqual([]);
  });
});

describe("checks of a web server", () => {
  it("find it down by its status, and up again", async () => {
    let status = 503;
    const origin = await serving((request, response) => {
      response.statusCode = request.headers.host === "www.example.com" ? status : 400;
      response.end();
    });
    const health = { path: "/healthz", intervalMs: 10, timeoutMs: 5_000, healthy: 2, unhealthy: 2 };
    const passing = { ...health, status: { least: 200, most: 299 } };
    const upstreams = servers(routeTo(origin.port, { health: passing }));
    await until(() => lines.length === 1, "it is down");
    status = 204;
    await until(() => lines.length === 2, "it is up");
    expect(lines).toEqual(["upstream down", "upstream up"]);
    expect([new Set(origin.asked), upstreams.all[0]?.client.load]).toEqual([new Set(["/healthz"]), 0]);
  });
});

describe("a process that has no descriptor left", () => {
  it("takes no web server for down, by requests or by checks", async () => {
    const none = new StreamError("no-place", "no file descriptor is free");
    const asked = vi.spyOn(UpstreamClient.prototype, "fetch").mockRejectedValue(none);
    onTestFinished(() => asked.mockRestore());
    const passing = { path: "/healthz", intervalMs: 1, timeoutMs: 5_000, healthy: 1, unhealthy: 1 };
    const health = { ...passing, status: { least: 200, most: 299 } };
    const upstreams = servers(routeTo(1, { health, maxFails: 1 }), routeTo(2, { health, maxFails: 1 }));
    await until(() => asked.mock.calls.length >= 6, "some checks");
    expect(await code(fetch(upstreams))).toBe("no-place");
    expect(lines).toEqual([]);
  });
});

describe("a reload", () => {
  it("keeps what is known of a web server that is asked as before, though others come", async () => {
    const [a, b] = [routeTo(await freePort()), routeTo((await answering("b")).port)];
    const limits = { headBytes: HEAD_BYTES };
    const routes = new Routes({ routes: [a], limits }, systemClock, OPTIONS.log);
    const found = () =>
      routes.find("www.example.com", { method: "GET", target: "/", fields: [] })?.upstreams.all;
    found()?.[0]?.state.failed("refused", true);
    routes.replace({ routes: [a, b], limits });
    expect(found()?.map(({ state }) => state.serves(true))).toEqual([false, true]);
    await routes.close();
  });
});
