/** Requests that are refused by their head stand in the access log and in the metrics, as those that are served do. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeAuthority } from "../../kit/certificates.ts";
import { http2Status } from "../../kit/http2-status.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { GET, HOST, keysFor, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-refused-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const OTHER = "unknown.example";
const UNKNOWN = GET("/page", "X-Request-Id: from-a-proxy").replace(HOST, `${OTHER}:8080`);
const BYTES = "421 Misdirected Request\n".length;
const authority = makeAuthority().issue({ name: HOST });
const files = { "site.pem": authority.certificate, "site.key": authority.privateKey };
const TLS = { listen: "127.0.0.1:0", certificate: "site.pem", privateKey: "site.key" };

/** What is logged and counted of the requests that these make. */
const notedOf = async (
  settings: Readonly<Record<string, unknown>>,
  ask: (edge: Awaited<ReturnType<typeof startEdgeUnderTest>>) => Promise<unknown>,
) => {
  const accessLog = join(folder, "access.log");
  const keys = keysFor([HOST]);
  await using edge = await startEdgeUnderTest({
    files,
    linked: false,
    settings: { keys, defaultHost: "off", accessLog, ...settings },
  });
  await ask(edge);
  const counted = [...(edge.daemon.watched?.durations.samples() ?? [])]
    .filter(({ suffix, value }) => suffix === "_count" && value > 0)
    .map(({ labels, value }) => [labels.http_request_method, labels.http_response_status_code, value]);
  await edge.daemon.stop();
  const lines = readFileSync(accessLog, "utf8").split("\n").slice(0, -1);
  return { lines: lines.map((line): Record<string, unknown> => JSON.parse(line)), counted };
};

it.each([
  ["a host that nobody serves", UNKNOWN, { status: 421, host: OTHER, target: "/page", bytes: BYTES }],
  [
    "that in the target",
    `GET http://${OTHER}/page HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
    { status: 421, host: OTHER },
  ],
  ["HEAD of it", UNKNOWN.replace("GET", "HEAD"), { status: 421, method: "HEAD", bytes: 0 }],
  [
    "an upgrade of it",
    UNKNOWN.replace("\r\n\r\n", "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    { status: 421, host: OTHER, bytes: BYTES },
  ],
  ["no Host", "GET / HTTP/1.0\r\n\r\n", { status: 400, host: "", protocol: "HTTP/1.0" }],
  ["two Hosts", GET("/", "Host: a.example"), { status: 400, host: HOST }],
  [
    "CONNECT",
    "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
    { status: 405, target: "a.example:443" },
  ],
  ["TRACE", request("TRACE /"), { status: 405, method: "TRACE" }],
  ["an unknown Expect", GET("/", "Expect: wonders"), { status: 417 }],
])("%s is one line and one count", async (_, bytes, line) => {
  const { lines, counted } = await notedOf({}, async (edge) => {
    const visitor = await edge.visitor();
    visitor.send(bytes);
    expect((await visitor.response(bytes.startsWith("HEAD") ? "HEAD" : "GET")).status).toBe(line.status);
    visitor.leave();
  });
  expect(lines).toEqual([expect.objectContaining({ reason: "refused", client: "127.0.0.1", ...line })]);
  expect(lines[0]?.id).toMatch(bytes.includes("X-Request-Id") ? /^from-a-proxy$/ : /-1$/);
  expect(counted).toEqual([[lines[0]?.method, String(line.status), 1]]);
});

it.each([
  ["of the target", `GET http://me:hidden@${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
  ["of the Host", GET().replace(HOST, `me:hidden@${HOST}`)],
  ["of another scheme", `GET ftp://me:hidden@${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
])("a password %s is in no line", async (_, bytes) => {
  const { lines } = await notedOf({}, async (edge) => {
    const visitor = await edge.visitor();
    visitor.send(bytes);
    expect((await visitor.response("GET")).status).toBe(400);
  });
  expect(lines).toMatchObject([{ status: 400, host: HOST }]);
  expect(JSON.stringify(lines)).not.toContain("hidden");
});

it("over HTTP/2 too", async () => {
  const { lines, counted } = await notedOf({ visitors: TLS }, async (edge) => {
    expect(await http2Status(edge.port(), { authority: OTHER, path: "/page" })).toBe(421);
  });
  const line = {
    status: 421,
    host: OTHER,
    target: "/page",
    protocol: "HTTP/2.0",
    reason: "refused",
    bytes: BYTES,
  };
  expect(lines).toMatchObject([line]);
  expect(counted).toEqual([["GET", "421", 1]]);
});
