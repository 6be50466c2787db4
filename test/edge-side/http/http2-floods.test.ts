/** Frames without end that ask for nothing: the session that sends them is ended, and no request comes of them. RFC 9113 section 10.5. */
import { once } from "node:events";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAuthority } from "../../kit/certificates.ts";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  frame,
  HEADERS,
  literal,
  PREFACE,
  SETTINGS,
} from "../../kit/http2-frames.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { type EdgeUnderTest, GET, HOST, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const { certificate, privateKey } = makeAuthority().issue({ name: HOST });
let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest({
    settings: {
      visitors: ["127.0.0.1:0", { listen: "127.0.0.1:0", certificate: "site.pem", privateKey: "site.key" }],
    },
    files: { "site.pem": certificate, "site.key": privateKey },
  });
});
afterAll(() => edge[Symbol.asyncDispose]());

const [PRIORITY_FRAME, GOAWAY, WINDOW_UPDATE, PRIORITY_UPDATE, UNKNOWN] = [2, 7, 8, 16, 0x77];
const TIMES = 12_000;
const opened = (flags: number) =>
  frame(HEADERS, flags, 1, [
    ...literal(":method", "POST"),
    ...literal(":scheme", "https"),
    ...literal(":authority", HOST),
    ...literal(":path", "/"),
  ]);
const repeated = (of: (n: number) => Buffer) => Buffer.concat(Array.from({ length: TIMES }, (_, n) => of(n)));
const on = (n: number) => [0, 0, (2 * n + 1) >> 8, (2 * n + 1) & 0xff];

it.each([
  ["CONTINUATION without a field", () => [opened(0), repeated(() => frame(CONTINUATION, 0, 1))]],
  [
    "CONTINUATION with fields",
    () => [opened(0), repeated((n) => frame(CONTINUATION, 0, 1, literal(`x-${n}`, "y".repeat(100))))],
  ],
  [
    "CONTINUATION with references to the static table",
    () => [opened(0), repeated(() => frame(CONTINUATION, 0, 1, Array(100).fill(0x82)))],
  ],
  ["SETTINGS of nothing", () => [repeated(() => frame(SETTINGS, 0, 0))]],
  ["SETTINGS of one thing", () => [repeated((n) => frame(SETTINGS, 0, 0, [0, 1, 0, n & 1, 0, 0]))]],
  ["one SETTINGS of hundreds", () => [frame(SETTINGS, 0, 0, Array(2_000).fill([0, 3, 0, 0, 0, 9]).flat())]],
  ["PRIORITY_UPDATE", () => [repeated((n) => frame(PRIORITY_UPDATE, 0, 0, [...on(n), 0x75, 0x3d, 0x30]))]],
  ["PRIORITY", () => [repeated((n) => frame(PRIORITY_FRAME, 0, 2 * n + 1, [0, 0, 0, 0, 9]))]],
  ["GOAWAY", () => [repeated(() => frame(GOAWAY, 0, 0, Array(8).fill(0)))]],
  ["frames of no known kind", () => [repeated(() => frame(UNKNOWN, 0, 0, [1]))]],
  ["DATA of nothing", () => [opened(END_HEADERS), repeated(() => frame(DATA, 0, 1))]],
  ["a WINDOW_UPDATE of nothing", () => [frame(WINDOW_UPDATE, 0, 0, [0, 0, 0, 0])]],
])("%s", async (_, flood) => {
  const socket = connect({
    port: edge.port(1),
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  socket.on("error", () => {}).resume();
  await once(socket, "secureConnect");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0), ...flood()]));
  await closed;
  const { visitor, exchange } = await edge.ask(GET());
  expect(exchange.field("host")).toBe(HOST);
  visitor.leave();
});
