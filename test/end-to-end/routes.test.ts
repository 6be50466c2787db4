/** Routes through the whole pair: which web server gets a request, over what, as whom, and within which bounds. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Authority, makeAuthority } from "../kit/certificates.ts";
import { pageOf } from "../kit/changing-site.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { freePort } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, HOST, request } from "../kit/raw-requests.ts";
import { RawWeb } from "../kit/raw-web.ts";

watchLeaks();

const HOSTS = [HOST, "api.example.com", "other.example.com", "nobody.example.com"];
const keys = [{ id: "k", secret: FIXTURE_SECRET, hosts: HOSTS }];

const forTheTest = <T extends AsyncDisposable>(opened: T): T => {
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
};

/** A web server that says its name, a request's Host and its target. */
const named = async (name: string, ...where: Parameters<typeof RawWeb.listen>): Promise<RawWeb> => {
  const web = forTheTest(await RawWeb.listen(...where));
  web.serve = (asked) => asked.ok(`${name} ${asked.field("host")} ${asked.target}`);
  return web;
};

const at = ({ port }: { readonly port: number }, scheme = "http"): string => `${scheme}://127.0.0.1:${port}`;

const get = async (pair: RawPair, host: string, target: string): Promise<string> => {
  const visitor = (await pair.visitor()).send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const { status, body } = await visitor.response();
  visitor.leave();
  return status === 200 ? body.toString() : String(status);
};

describe("a request goes", () => {
  it("to the web server of its host and the longest prefix of its path, else to the default route", async () => {
    const [site, api, deep, rest] = await Promise.all(
      ["site", "api", "deep", "rest"].map((name) => named(name)),
    );
    if (!site || !api || !deep || !rest) throw new Error("four web servers");
    const routes = [
      { host: "*", origin: at(rest) },
      { host: HOST, origin: at(site) },
      { host: HOST, path: "/api", origin: at(api) },
      { host: HOST, path: "/api/deep/", origin: at(deep) },
      { host: "api.example.com", path: "/v1", origin: at(api) },
    ];
    await using pair = await openRawPair({ edge: { keys }, origin: { routes } });
    for (const [host, target, name] of [
      [HOST, "/", "site"],
      [HOST, "/api", "api"],
      [HOST, "/api?x=/api/deep", "api"],
      [HOST, "/api/x", "api"],
      [HOST, "/apix", "site"],
      [HOST, "/API/x", "site"],
      [HOST, "/%61pi/x", "site"],
      [HOST, "//api/x", "site"],
      [HOST, "/api/deep", "deep"],
      [HOST, "/api/deep/er", "deep"],
      [HOST, "/api/deeper", "api"],
      ["WWW.EXAMPLE.COM:8080", "/api/x", "api"],
      ["api.example.com", "/v1/x", "api"],
      ["api.example.com", "/v2", "rest"],
      ["other.example.com", "/api/deep", "rest"],
    ] as const)
      expect(await get(pair, host, target)).toBe(`${name} ${host} ${target}`);
  });

  it("nowhere without a route (502), nor for a host that no key serves (421), and the next is served", async () => {
    const site = await named("site");
    await using pair = await openRawPair({
      edge: { keys },
      origin: { routes: [{ host: HOST, origin: at(site) }] },
    });
    expect(await get(pair, "other.example.com", "/")).toBe("502");
    expect(await get(pair, "unknown.example.com", "/")).toBe("421");
    expect(await get(pair, HOST, "/")).toBe(`site ${HOST} /`);
  });

  it("to a unix socket, with a body and again as a delta", async () => {
    const folder = mkdtempSync(join(tmpdir(), "coilgun-web-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "web.sock");
    const web = forTheTest(await RawWeb.listen({ path }));
    await using pair = await openRawPair({ route: { origin: `unix:${path}` } });
    let count = 0;
    web.serve = async (asked) =>
      asked.ok(pageOf(++count, (await asked.body()).text), "Content-Type: text/html");
    for (const body of ["", "body"]) {
      const visitor = await pair.visitor();
      visitor.send(request("POST /unix", [`Content-Length: ${body.length}`], body));
      expect((await visitor.response()).body.equals(pageOf(count, body))).toBe(true);
    }
    web.serve = (asked) => asked.ok(pageOf(1, `news of ${asked.target}`), "Content-Type: text/html");
    const visitor = (await pair.visitor()).send(GET("/unix"), GET("/unix"));
    for (let again = 0; again < 2; again++)
      expect((await visitor.response()).body.equals(pageOf(1, "news of /unix"))).toBe(true);
    expect((await pair.visitOf("/unix", 4)).answer).toBe("same");
  });
});

describe("a web server of https", () => {
  const ours = makeAuthority();
  const strangers = makeAuthority();
  const files = { "ours.pem": ours.certificate, "strangers.pem": strangers.certificate };
  const clients = (authority: Authority) => authority.issue({ name: "coilgun-origin" });
  const ourClient = clients(ours);
  const strangeClient = clients(strangers);
  const clientFiles = {
    "client.pem": ourClient.certificate,
    "client.key": ourClient.privateKey,
    "strange.pem": strangeClient.certificate,
    "strange.key": strangeClient.privateKey,
  };
  const client = (name: string) => ({ certificate: `${name}.pem`, privateKey: `${name}.key` });

  it.each([
    ["whose certificate our own CA signed", { authorities: "ours.pem" }, "127.0.0.1", false, "200"],
    ["whose certificate another CA signed", { authorities: "strangers.pem" }, "127.0.0.1", false, "502"],
    ["whose certificate no known CA signed", {}, "127.0.0.1", false, "502"],
    ["that is not verified", { verify: false }, "wrong.example", false, "200"],
    ["of another name", { authorities: "ours.pem" }, "wrong.example", false, "502"],
    [
      "of the name that the route gives",
      { authorities: "ours.pem", serverName: "inner.example" },
      "inner.example",
      false,
      "200",
    ],
    ["of the visitors' host, where it is only an address", { authorities: "ours.pem" }, HOST, false, "200"],
    [
      "that wants a certificate, and gets ours",
      { authorities: "ours.pem", client: client("client") },
      HOST,
      true,
      "200",
    ],
    ["that wants a certificate, and gets none", { authorities: "ours.pem" }, HOST, true, "502"],
    [
      "that wants a certificate, and gets a stranger's",
      { authorities: "ours.pem", client: client("strange") },
      HOST,
      true,
      "502",
    ],
  ])("%s", async (_, tls, name, asksForClient, expected) => {
    const { certificate, privateKey } = ours.issue({ name });
    const web = forTheTest(
      await RawWeb.listen(undefined, {
        cert: certificate,
        key: privateKey,
        ...(asksForClient && { requestCert: true, rejectUnauthorized: true, ca: ours.certificate }),
      }),
    );
    const names: unknown[] = [];
    web.serve = (asked) => {
      names.push("servername" in asked.connection.socket ? asked.connection.socket.servername : undefined);
      asked.ok(asked.target);
    };
    const route = { origin: at(web, "https"), tls };
    await using pair = await openRawPair({ route, files: { ...files, ...clientFiles } });
    for (const target of ["/one", "/two"])
      expect(await get(pair, HOST, target)).toBe(expected === "200" ? target : expected);
    // The name in the greeting (SNI).
    if (expected === "200") expect(names[0]).toBe("serverName" in tls ? "inner.example" : HOST);
    else expect(web.asked).toEqual([]);
  });
});

describe("a route's own bounds", () => {
  it("each route has its time: one answers late and is served, the other has said 504", async () => {
    const slow = forTheTest(await RawWeb.listen());
    const routes = [
      { host: HOST, origin: at(slow), answer: "200ms" },
      { host: HOST, path: "/patient", origin: at(slow), answer: "30s" },
    ];
    await using pair = await openRawPair({ origin: { routes } });
    const patient = (await pair.visitor()).send(GET("/patient"));
    const asked = await slow.next();
    expect(await get(pair, HOST, "/hasty")).toBe("504");
    asked.ok("at last");
    expect((await patient.response()).body.toString()).toBe("at last");
  });

  it("connections: no more at once than the route has; one more waits, and is served when one is free", async () => {
    await using pair = await openRawPair({ route: { connections: 2 } });
    const visitors = await Promise.all([1, 2, 3, 4].map(() => pair.visitor()));
    for (const [index, visitor] of visitors.entries()) visitor.send(GET(`/${index}`));
    const first = await pair.web.next();
    const second = await pair.web.next();
    // A visit to another route shows that what waits would have come by now.
    expect([pair.web.asked.length, pair.web.connections]).toEqual([2, 2]);
    first.ok("ok");
    const third = await pair.web.next();
    expect(pair.web.asked.length).toBe(3);
    second.ok("ok");
    third.ok("ok");
    (await pair.web.next()).ok("ok");
    for (const visitor of visitors) expect((await visitor.response()).status).toBe(200);
  });

  it("connections: who waits longer than the time of the queue has 503, and the web server never hears of it", async () => {
    await using pair = await openRawPair({ route: { connections: 1, queue: "300ms" } });
    pair.web.serve = (asked) => {
      if (asked.target !== "/stream") return asked.ok();
      asked.say("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5\r\n\r\nab");
    };
    const holder = (await pair.visitor()).send(GET("/stream"));
    expect((await holder.head()).status).toBe(200);
    expect(await get(pair, HOST, "/waits")).toBe("503");
    expect(pair.web.asked).toEqual(["/stream"]);
    holder.leave();
  });

  it("connect: a web server that nobody reaches is 502", async () => {
    await using pair = await openRawPair({ route: { origin: `http://127.0.0.1:${await freePort()}` } });
    expect(await get(pair, HOST, "/")).toBe("502");
  });
});
