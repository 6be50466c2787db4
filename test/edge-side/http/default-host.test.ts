/** Requests whose Host nobody serves, or that name none: for the default host, else refused, in either version of HTTP. */
import { expect, it } from "vitest";
import { MOST_TOLD } from "../../../edge-side/http/admission.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { http2Status } from "../../kit/http2-status.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { GET, HOST, keysFor, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const WITHOUT_HOST = "GET /page HTTP/1.0\r\n\r\n";
const OTHER = "other.example.com";
const UNKNOWN = GET().replace(HOST, "10.0.0.7:8080");
const certificate = makeAuthority().issue({ name: HOST });
const files = { "site.pem": certificate.certificate, "site.key": certificate.privateKey };
const TLS = { listen: "127.0.0.1:0", certificate: "site.pem", privateKey: "site.key" };

const hostAsked = async (settings: Readonly<Record<string, unknown>>, request: string) => {
  await using edge = await startEdgeUnderTest({ settings: { keys: keysFor([HOST]), ...settings } });
  const { visitor, exchange } = await edge.ask(request);
  exchange.answer(204, [], "");
  expect((await visitor.response("GET")).status).toBe(204);
  return [exchange.request.fields.slice(0, 2), exchange.field("x-forwarded-host")];
};

const refused = async (settings: Readonly<Record<string, unknown>>, request: string) => {
  await using edge = await startEdgeUnderTest({ settings });
  const visitor = await edge.visitor();
  visitor.send(request);
  return { status: (await visitor.response("GET")).status, troubles: edge.troubles };
};

it.each([
  ["no Host", {}, WITHOUT_HOST, HOST],
  ["an unknown Host", {}, UNKNOWN, HOST],
  ["an unknown host in the target", {}, `GET http://x.test/ HTTP/1.1\r\nHost: x.test\r\n\r\n`, HOST],
  ["no Host, with one set", { keys: keysFor([HOST, OTHER]), defaultHost: OTHER }, WITHOUT_HOST, OTHER],
  ["an unknown Host, with one set", { keys: keysFor(["*.example.com"]), defaultHost: OTHER }, UNKNOWN, OTHER],
])("%s is the only or default host's, and becomes that", async (_, settings, request, host) => {
  expect(await hostAsked(settings, request)).toEqual([["Host", host], host]);
});

it.each([
  ["no Host, of two", { keys: keysFor([HOST, OTHER]) }, WITHOUT_HOST, 400],
  ["no Host, of a pattern", { keys: keysFor(["*.example.com"]) }, WITHOUT_HOST, 400],
  ["no Host, where that is off", { keys: keysFor([HOST]), defaultHost: "off" }, WITHOUT_HOST, 400],
  ["an unknown one, of two", { keys: keysFor([HOST, OTHER]) }, UNKNOWN, 421],
  ["an unknown one, where that is off", { keys: keysFor([HOST]), defaultHost: "off" }, UNKNOWN, 421],
])("%s is refused with %3$i", async (_, settings, request, status) => {
  expect((await refused(settings, request)).status).toBe(status);
});

it.each([
  ["HTTP/1.1 without Host", "GET /.well-known/coilgun/ready HTTP/1.1\r\n\r\n", 200],
  ["HTTP/1.1 with an empty Host", "GET /.well-known/coilgun/ready HTTP/1.1\r\nHost:\r\n\r\n", 200],
  ["HTTP/1.0 with an empty Host", "GET /.well-known/coilgun/ready HTTP/1.0\r\nHost:\r\n\r\n", 200],
  ["a query", "GET /.well-known/coilgun/ready?from=lb1 HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n", 200],
  ["two Hosts", "GET /.well-known/coilgun/ready HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
  ["a longer path", "GET /.well-known/coilgun/readyness HTTP/1.1\r\n\r\n", 400],
])("whether the edge is ready may be asked with %s: %3$i", async (_, asked, status) => {
  for (const keys of [keysFor([HOST]), keysFor([HOST, OTHER])])
    expect((await refused({ keys }, asked)).status).toBe(status);
});

it("is one of the edge's at every request of a connection", async () => {
  await using edge = await startEdgeUnderTest({ settings: { keys: keysFor([HOST]) } });
  const visitor = await edge.visitor();
  for (let time = 0; time < 3; time++) {
    visitor.send(UNKNOWN);
    const exchange = await edge.origin.next();
    expect(exchange.field("host")).toBe(HOST);
    exchange.answer(204, [], "");
    expect((await visitor.response("GET")).status).toBe(204);
  }
});

it("is taken over HTTP/2 too, or refused", async () => {
  await using edge = await startEdgeUnderTest({ files, settings: { visitors: TLS, keys: keysFor([HOST]) } });
  const status = http2Status(edge.port(), { authority: "10.0.0.7" });
  const exchange = await edge.origin.next();
  expect(exchange.request.fields.slice(0, 2)).toEqual(["Host", HOST]);
  exchange.answer(204, [], "");
  expect(await status).toBe(204);
  await using strict = await startEdgeUnderTest({ files, settings: { visitors: TLS } });
  expect(await http2Status(strict.port(), { authority: "10.0.0.7" })).toBe(421);
});

it("is told once for each host that is refused, with what to do, and of no more than a bound", async () => {
  await using edge = await startEdgeUnderTest();
  const visitor = await edge.visitor();
  const ready = (host: string) => GET("/.well-known/coilgun/ready").replace(HOST, host);
  visitor.send(ready("unknown.example"));
  expect((await visitor.response("GET")).status).toBe(200);
  for (const host of ["unknown.example", "unknown.example:81", "UNKNOWN.example.", "another.example"]) {
    const asking = await edge.visitor();
    asking.send(GET().replace(HOST, host));
    expect((await asking.response("GET")).status).toBe(421);
  }
  expect(edge.troubles).toEqual(
    ["unknown.example", "another.example"].map((host) =>
      expect.stringMatching(new RegExp(`^host not served {"host":"${host}","hint":"list it under keys`)),
    ),
  );
  expect(MOST_TOLD).toBe(1_000);
});
