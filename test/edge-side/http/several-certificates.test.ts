/** Which certificate a connection is shown, and which hosts it may ask for; HTTPS for who came in plain text. */
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { makeAuthority } from "../../kit/certificates.ts";
import { http2Head, http2Status } from "../../kit/http2-status.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn } from "../../kit/raw-visitor.ts";
import { configOf, type EdgeUnderTest, GET, HOST, keysFor, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const OTHER = "other.example.com";
const authority = makeAuthority();
const PAIRS = {
  first: authority.issue({ name: "edge.internal" }),
  wild: authority.issue({ name: "*.example.com" }),
  host: authority.issue({ name: HOST }),
};
const files = Object.fromEntries(
  Object.entries(PAIRS).flatMap(([name, { certificate, privateKey }]) => [
    [`${name}.pem`, certificate],
    [`${name}.key`, privateKey],
  ]),
);
const named = (name: string) => ({ certificate: `${name}.pem`, privateKey: `${name}.key` });
const listening = (certificates: readonly string[], more: object = {}) => ({
  listen: "127.0.0.1:0",
  ...named("first"),
  ...(certificates.length > 0 && { certificates: certificates.map(named) }),
  ...more,
});

const shown = async (edge: EdgeUnderTest, servername: string): Promise<string | undefined> => {
  const port = edge.port();
  const socket = connectTls({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const names = socket.getPeerCertificate().subjectaltname;
  socket.destroy();
  await once(socket, "close");
  return names;
};

describe("of several certificates", () => {
  it("the one that names the host is shown, rather as itself than by a star, else the first", async () => {
    await using edge = await startEdgeUnderTest({
      files,
      settings: { visitors: listening(["wild", "host"]) },
    });
    expect(await shown(edge, HOST)).toBe(`DNS:${HOST}`);
    expect(await shown(edge, HOST.toUpperCase())).toBe(`DNS:${HOST}`);
    expect(await shown(edge, OTHER)).toBe("DNS:*.example.com");
    for (const name of ["", "a.b.example.com", "unknown.test"])
      expect(await shown(edge, name)).toBe("DNS:edge.internal");
  });

  it("all are renewed by a reload, and others may join", async () => {
    const settings = { visitors: listening([]) };
    await using edge = await startEdgeUnderTest({ files, settings });
    expect(await shown(edge, HOST)).toBe("DNS:edge.internal");
    const next = { visitors: listening(["host"]), tunnel: `127.0.0.1:${edge.daemon.tunnelAddress.port}` };
    const running = configOf({ files, settings: next });
    expect(await edge.daemon.reload({ ...edge.config, visitors: running.visitors })).toEqual([]);
    expect(await shown(edge, HOST)).toBe(`DNS:${HOST}`);
    const broken = { ...files, "host.key": PAIRS.wild.privateKey };
    expect(() => configOf({ files: broken, settings: next })).toThrow(/does not belong to the certificate/);
    expect(await shown(edge, HOST)).toBe(`DNS:${HOST}`);
  });
});

describe("a connection that asked for", () => {
  const HOSTS = [HOST, OTHER, "plain.test"];
  const NAMES = ["wild", "host"];
  // The first three came without a name of ours: a proxy that looks at no certificate.
  it.each([
    ["no name", "", HOST, 204],
    ["no name", "", "plain.test", 204],
    ["a name that is no host", "edge.internal", "plain.test", 204],
    ["a name without a certificate", "unknown.test", HOST, 204],
    ["a name that is no host", "edge.internal", HOST, 421],
    ["the host", HOST, HOST, 204],
    ["the host that no certificate names", "plain.test", "plain.test", 204],
    ["another host", HOST, OTHER, 421],
    ["another host of the same certificate", OTHER, HOST, 204],
    ["a host, and wants one that no certificate names", HOST, "plain.test", 421],
  ])("%s (%j) and wants %s gets %i, in HTTP/1.1 and HTTP/2", async (_, servername, host, status) => {
    await using edge = await startEdgeUnderTest({
      files,
      settings: { visitors: listening(NAMES), keys: keysFor(HOSTS) },
    });
    edge.origin.script((exchange) => exchange.answer(204, [], ""));
    const visitor = await edge.visitor(0, { servername });
    visitor.send(GET().replace(HOST, host));
    expect((await visitor.response("GET")).status).toBe(status);
    visitor.end();
    expect(await http2Status(edge.port(), { servername, authority: host })).toBe(status);
  });
});

describe("Strict-Transport-Security", () => {
  it("is added over HTTPS alone, and only where the site says nothing of it", async () => {
    const hsts = "1y includeSubDomains";
    const visitors = [listening(["host"], { hsts }), "127.0.0.1:0"];
    await using edge = await startEdgeUnderTest({ files, settings: { visitors } });
    const said = (listener: number) => async (own: readonly string[]) => {
      edge.origin.script((exchange) => exchange.answer(204, own, ""));
      const visitor = await edge.visitor(listener, listener === 0 ? { servername: HOST } : undefined);
      const response = await visitor.send(GET()).response("GET");
      visitor.end();
      return fieldIn(response, "strict-transport-security");
    };
    const ours = "max-age=31536000; includeSubDomains";
    const over2 = async () =>
      (await http2Head(edge.port(), { servername: HOST, authority: HOST }))["strict-transport-security"];
    expect(await said(0)([])).toBe(ours);
    expect(await over2()).toBe(ours);
    expect(await said(0)(["strict-transport-security", "max-age=1"])).toBe("max-age=1");
    expect(await over2()).toBe("max-age=1");
    expect(await said(1)([])).toBeUndefined();
  });
});

describe("redirect: https", () => {
  const settings = {
    visitors: { listen: "127.0.0.1:0", redirect: "https" },
    trustedProxies: ["127.0.0.1"],
    keys: keysFor([HOST]),
  };
  it.each([
    [GET("/a?b=%20"), 301, `https://${HOST}/a?b=%20`],
    [GET("/").replace(HOST, `${HOST}:8080`), 301, `https://${HOST}/`],
    [GET("/x").replace(HOST, "10.0.0.7"), 301, `https://${HOST}/x`],
    [`OPTIONS * HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 308, `https://${HOST}/`],
    [`POST /a HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 3\r\n\r\nabc`, 308, `https://${HOST}/a`],
    [GET("/").replace("\r\n\r\n", "\r\nX-Forwarded-Proto: http\r\n\r\n"), 301, `https://${HOST}/`],
  ])("answers %j with %i", async (request, status, location) => {
    await using edge = await startEdgeUnderTest({ settings });
    const response = await (await edge.visitor()).send(request).response("GET");
    expect([response.status, fieldIn(response, "location"), response.body.length]).toEqual([
      status,
      location,
      0,
    ]);
    expect(edge.origin.count).toBe(0);
  });

  it("leaves challenges of certificates, readiness, and what a trusted proxy had by HTTPS to be served", async () => {
    await using edge = await startEdgeUnderTest({ settings });
    edge.origin.script((exchange) => exchange.answer(204, [], ""));
    const visitor = await edge.visitor();
    const statuses = [];
    for (const request of [
      GET("/.well-known/acme-challenge/token"),
      GET("/").replace("\r\n\r\n", "\r\nX-Forwarded-Proto: https\r\n\r\n"),
      GET("/.well-known/coilgun/ready"),
    ])
      statuses.push((await visitor.send(request).response("GET")).status);
    expect(statuses).toEqual([204, 204, 200]);
  });
});
