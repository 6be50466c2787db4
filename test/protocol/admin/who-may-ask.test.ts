import { once } from "node:events";
import { type RequestOptions, request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { EVENT_MS } from "../../../protocol/admin/answers.ts";
import type { Admin } from "../../../protocol/admin/serve-admin.ts";
import { type AdminAddress, adminSetting } from "../../../protocol/config/admin-settings.ts";
import { NamedFile } from "../../../protocol/config/schema.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { serveAt, watchedOf } from "./watched.ts";

const TOKEN = "0123456789abcdef";
const open: Admin[] = [];
afterEach(async () => {
  for (const admin of open.splice(0)) await admin.close();
});

const LOOPBACK: AdminAddress = {
  address: { host: "127.0.0.1", port: 0 },
  token: undefined,
  hosts: ["ops.example"],
};

const start = async (
  over: Partial<AdminAddress> = {},
  more: Parameters<typeof serveAt>[1] = {},
): Promise<number> => {
  const { admin } = await serveAt([{ ...LOOPBACK, ...over }], more);
  open.push(admin);
  return admin.addresses[0]?.port ?? 0;
};

const ask = async (port: number, path: string, headers: RequestOptions["headers"] = {}, method = "GET") => {
  const asking = request({ host: "127.0.0.1", port, path, method, headers, agent: false }).end();
  const [answer] = await once(asking, "response");
  answer.setEncoding("utf8");
  let text = "";
  for await (const piece of answer) text += piece;
  return { status: answer.statusCode as number, fields: answer.headers, text };
};

describe("the admin address", () => {
  it.each([
    ["127.0.0.1:7480", 200],
    ["localhost", 200],
    ["LOCALHOST:1", 200],
    ["[::1]:7480", 200],
    ["127.9.9.9", 200],
    ["ops.example:80", 200],
    ["rebound.example:7480", 421],
    ["127.0.0.1.rebound.example", 421],
    ["0.0.0.0:7480", 421],
    ["user@localhost", 421],
  ])("answers a request for the Host %j with %d", async (host, status) => {
    expect((await ask(await start(), "/status", { host })).status).toBe(status);
  });

  it("does not answer a request with two Hosts", async () => {
    const hosts = ["host", "localhost", "host", "localhost"];
    expect((await ask(await start(), "/status", hosts)).status).toBe(421);
  });

  it.each([
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "sec-fetch-site": "none" }, 200],
    [{ "sec-fetch-site": "same-origin" }, 200],
    [{ origin: "http://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://localhost:2" }, 403],
    [{ origin: "http://localhost:1" }, 200],
  ])("answers what a browser sends with %j with %d", async (headers, status) => {
    expect((await ask(await start(), "/status", { host: "localhost:1", ...headers })).status).toBe(status);
  });

  it.each(["forget", "reload", "config"])("does no %s, by whatever method", async (duty) => {
    let done = 0;
    const duties = {
      [duty]: async () => {
        done++;
        return { status: 200, body: {} };
      },
    };
    const port = await start({}, { duties });
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"])
      expect((await ask(port, `/${duty}`, { host: "localhost" }, method)).status).toBe(405);
    expect((await ask(port, `/${duty}`, { host: "localhost" })).status).toBe(404);
    expect(done).toBe(0);
  });

  it.each([
    [{}, 401],
    [{ authorization: `Bearer ${TOKEN}` }, 200],
    [{ authorization: `bearer ${TOKEN}` }, 200],
    [{ authorization: `Bearer ${TOKEN}x` }, 401],
    [{ authorization: `Bearer ` }, 401],
    [{ authorization: `Basic ${Buffer.from(`anyone:${TOKEN}`).toString("base64")}` }, 200],
    [{ authorization: `Basic ${Buffer.from(`${TOKEN}:`).toString("base64")}` }, 401],
    [{ authorization: `Digest ${TOKEN}` }, 401],
  ])("with a token, answers who shows %j with %d", async (headers, status) => {
    const port = await start({ token: new NamedFile("admin.token", Buffer.from(`${TOKEN}\n`)) });
    const answer = await ask(port, "/metrics", { host: "localhost", ...headers });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain(TOKEN);
  });

  it("says whether it lives and is ready, and why not", async () => {
    const readiness = () => ({ ready: false, reasons: ["no link is up"] });
    const port = await start({}, { watched: watchedOf({ readiness }) });
    expect(await ask(port, "/live")).toMatchObject({ status: 200, text: '{"alive":true}' });
    expect(await ask(port, "/ready")).toMatchObject({
      status: 503,
      text: '{"ready":false,"reasons":["no link is up"]}',
    });
    expect(await ask(port, "/ready", {}, "HEAD")).toMatchObject({ status: 503, text: "" });
    expect((await ask(await start(), "/ready")).status).toBe(200);
    expect((await ask(port, "/nothing")).status).toBe(404);
  });

  it("is for no frame, no cache and no other site, and its page runs nothing but its own script", async () => {
    const { fields } = await ask(await start(), "/");
    expect(fields["content-security-policy"]).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-/,
    );
    expect(fields["content-security-policy"]).not.toMatch(/unsafe/);
    expect(fields).toMatchObject({ "cache-control": "no-store", "x-frame-options": "DENY" });
    expect(fields["cross-origin-resource-policy"]).toBe("same-origin");
  });

  it("tells its state as an event each second, and leaves no timer when the page is closed", async () => {
    const clock = new FakeClock();
    const port = await start({}, { clock });
    const asking = request({ host: "127.0.0.1", port, path: "/events", agent: false }).end();
    const [answer] = await once(asking, "response");
    expect(answer.headers["content-type"]).toBe("text/event-stream");
    const [first] = await once(answer, "data");
    expect(String(first)).toMatch(/^data: \{"program":"coilgun-edge".*\}\n\n$/);
    const next = once(answer, "data");
    await clock.advance(EVENT_MS);
    await next;
    for (const admin of open.splice(0)) await admin.close();
    expect(clock.timers).toBe(0);
  });
});

describe("the setting admin", () => {
  const near = {
    pathOf: (name: string) => `/etc/${name}`,
    everyAddress: "0.0.0.0",
    read: (path: string) => Buffer.from(path.includes("short") ? "abc" : TOKEN),
  };
  const parse = (value: unknown) => adminSetting(near, "commands").safeParse(value);

  it.each([
    ["./a.sock", [{ path: "/etc/./a.sock" }]],
    ["a.sock", [{ path: "/etc/a.sock" }]],
    ["127.0.0.1:7480", [{ address: { host: "127.0.0.1", port: 7480 }, token: undefined, hosts: [] }]],
    [
      ["a.sock", { listen: "[::1]:7480", hosts: ["Ops.example"] }],
      [
        { path: "/etc/a.sock" },
        { address: { host: "::1", port: 7480 }, token: undefined, hosts: ["ops.example"] },
      ],
    ],
    [undefined, []],
  ])("may be %j", (value, read) => expect(parse(value).data).toEqual(read));

  it.each([
    ["0.0.0.0:7480", /or have a tokenFile/],
    ["ops.example:7480", /or have a tokenFile/],
    [{ listen: "10.0.0.7:7480", tokenFile: "short" }, /does not hold a token/],
    [{ listen: "a.sock", tokenFile: "token" }, /is for a host:port/],
    [["a.sock", "a.sock"], /listed twice/],
  ])("may not be %j", (value, why) => expect(parse(value).error?.message).toMatch(why));

  it("lets other machines ask who has a token, which no JSON shows", () => {
    const { data } = parse({ listen: "10.0.0.7:7480", tokenFile: "token" });
    expect(data).toHaveLength(1);
    expect(JSON.stringify(data)).not.toContain(TOKEN);
  });
});
