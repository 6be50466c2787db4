/** Fields whose names hold an underscore, which many servers take for the field with a hyphen. */
import { connect } from "node:http2";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MOST_NAMES_TOLD, Underscores } from "../../../edge-side/http/underscores.ts";
import type { Log } from "../../../protocol/daemon/log.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { type EdgeUnderTest, GET, HOST, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const authority = makeAuthority();
const site = authority.issue({ name: HOST });
const tls = { certificate: "site.pem", privateKey: "site.key" };
const [DROPS, KEEPS, DROPS_TLS] = [0, 1, 2];

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest({
    settings: {
      visitors: [
        "127.0.0.1:0",
        { listen: "127.0.0.1:0", underscores: "keep" },
        { listen: "127.0.0.1:0", ...tls },
      ],
    },
    files: { "site.pem": site.certificate, "site.key": site.privateKey },
  });
});
afterAll(() => edge[Symbol.asyncDispose]());

const asked = async (listener: number, text: string) => {
  const visitor = (await edge.visitor(listener)).send(text);
  const exchange = await edge.origin.next();
  exchange.answer(204, [], "");
  expect((await visitor.response()).status).toBe(204);
  return exchange;
};

const FIELDS = ["X_Forwarded_For: 1.2.3.4", "X-A: 1", "Content_Length: 7", "_: x", "X-B: a_b"];

describe("a request field with an underscore in its name", () => {
  it("is dropped, other fields are not", async () => {
    const exchange = await asked(DROPS, GET("/", ...FIELDS));
    expect(exchange.request.fields.filter((part, i) => i % 2 === 0 && part.includes("_"))).toEqual([]);
    expect([exchange.field("x-a"), exchange.field("x-b")]).toEqual(["1", "a_b"]);
  });

  it("passes a listener that keeps it", async () => {
    const exchange = await asked(KEEPS, GET("/", ...FIELDS));
    expect(exchange.field("x_forwarded_for")).toBe("1.2.3.4");
    expect(exchange.field("x-a")).toBe("1");
  });

  it("is dropped among trailers", async () => {
    const chunks = "1\r\na\r\n0\r\nX_Sum: 1\r\nX-Sum: 2\r\n\r\n";
    const exchange = await asked(DROPS, request("POST /", ["Transfer-Encoding: chunked"], chunks));
    expect((await exchange.ended).trailers).toEqual(["X-Sum", "2"]);
  });

  it("is dropped of HTTP/2, in heads and trailers", async () => {
    const socket = connectTls({
      host: "127.0.0.1",
      port: edge.port(DROPS_TLS),
      servername: HOST,
      ca: authority.certificate,
      ALPNProtocols: ["h2"],
    });
    const session = connect(`https://${HOST}`, { createConnection: () => socket });
    const stream = session.request(
      { ":method": "POST", ":path": "/", ":authority": HOST, x_a: "1", "x-a": "2" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ x_sum: "1", "x-sum": "2" }));
    stream.end("body");
    const exchange = await edge.origin.next();
    expect([exchange.field("x_a"), exchange.field("x-a")]).toEqual([undefined, "2"]);
    expect((await exchange.ended).trailers).toEqual(["x-sum", "2"]);
    exchange.answer(204, [], "");
    session.destroy();
    socket.destroy();
  });
});

describe("the log of dropped fields", () => {
  const told = () => {
    const lines: [string, unknown][] = [];
    const log: Log = { ...silentLog, warn: (event, fields) => lines.push([event, fields]) };
    return { lines, underscores: new Underscores("drop", log) };
  };

  it("names each once, with how many there were", () => {
    const { lines, underscores } = told();
    for (let i = 0; i < 9; i++) underscores.without(["X_A", "1"]);
    expect(lines).toMatchObject([["field with an underscore dropped", { name: "x_a", dropped: 1 }]]);
    underscores.without(["x_B", "1"]);
    expect(lines.slice(1)).toMatchObject([
      ["field with an underscore dropped", { name: "x_b", dropped: 10 }],
      ["fields with underscores dropped", { dropped: 10 }],
    ]);
  });

  it("names no more than so many, and not all of a long one", () => {
    const { lines, underscores } = told();
    for (let i = 0; i <= MOST_NAMES_TOLD; i++) underscores.without([`n${i}_${"x".repeat(100)}`, "1"]);
    const named = lines.filter(([event]) => event === "field with an underscore dropped");
    expect(named.length).toBe(MOST_NAMES_TOLD);
    expect((named[0]?.[1] as { name: string }).name.length).toBe(64);
  });
});
