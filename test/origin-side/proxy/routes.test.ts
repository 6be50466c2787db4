import { afterEach, describe, expect, it } from "vitest";
import { Routes } from "../../../origin-side/proxy/routes.ts";
import type { RequestHead } from "../../../protocol/http/head.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { type FakeOrigin, openOrigin } from "../../kit/fake-origin.ts";
import { ask, heard, routeTo } from "../../protocol/asking.ts";

const LIMITS = { headBytes: 64 * 1024 };
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

const requestFor = (target: string): RequestHead => ({ method: "GET", target, fields: [] });

const serving = async (said: string): Promise<FakeOrigin> => {
  const origin = await openOrigin((_, response) => response.end(said));
  open.push(origin);
  return origin;
};

describe("the routes of an origin side", () => {
  it("find the web server of a host and a target, or none", async () => {
    const { port } = await serving("ok");
    const shop = routeTo(port, { path: "/shop" });
    const routes = new Routes({ routes: [shop], limits: LIMITS }, systemClock);
    expect(routes.find("www.example.com:8080", requestFor("/shop/1"))?.upstreams.route).toBe(shop);
    expect([
      routes.find("www.example.com", requestFor("/")),
      routes.find("other.example.com", requestFor("/shop")),
    ]).toEqual([undefined, undefined]);
    await routes.close();
  });

  it("are replaced as a whole; what runs goes on where it began", async () => {
    let finish = () => {};
    const old = await openOrigin((_, response) => {
      response.write("old ");
      finish = () => response.end("to its end");
    });
    open.push(old);
    const other = await serving("new");
    const routes = new Routes({ routes: [routeTo(old.port)], limits: LIMITS }, systemClock);
    const request = requestFor("/");
    const clientNow = () => {
      const client = routes.find("www.example.com", request)?.upstreams.all[0]?.client;
      if (client === undefined) throw new Error("no route");
      return client;
    };
    const running = ask(clientNow());
    await running.response;
    routes.replace({ routes: [routeTo(other.port)], limits: LIMITS });
    expect((await heard(ask(clientNow()))).body).toBe("new");
    finish();
    expect((await heard(running)).body).toBe("old to its end");
    await routes.close();
  });
});
