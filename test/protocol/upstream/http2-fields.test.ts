/** Fields that a web server of HTTP/2 should not send: node tells of none of them, and what becomes of them is what does over HTTP/1.1. */
import { describe, expect, it } from "vitest";
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  literal,
  PING,
  RawHttp2Web,
} from "../../kit/http2-frames.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { until } from "../../kit/until.ts";
import { ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";

watchLeaks();

const OK = [0x88]; // `:status: 200` of the static table
const EARLY_HINTS = literal(":status", "103");
const NO_CONTENT = [0x89];
const COOKIE = literal("set-cookie", "a=1");

interface Answer {
  readonly interim?: readonly number[];
  readonly head?: readonly number[];
  readonly trailers?: readonly number[];
}

const answering =
  ({ interim, head = [...OK, ...COOKIE], trailers }: Answer) =>
  (stream: number): Buffer[] => [
    ...(interim ? [frame(HEADERS, END_HEADERS, stream, [...EARLY_HINTS, ...interim])] : []),
    frame(HEADERS, END_HEADERS, stream, head),
    frame(DATA, trailers ? 0 : END_STREAM, stream, [...Buffer.from("hello")]),
    ...(trailers ? [frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers)] : []),
  ];

/** What a client hears by GET and by POST, which is the same. */
const outcomeOf = async (answer: (stream: number) => readonly Buffer[]) => {
  await using web = await RawHttp2Web.listen(answer);
  const outcomes = ["GET", "POST"].map(async (method) => {
    await using client = new TestClient(routeTo(web.port, { protocol: "http2" }));
    const asked = ask(client, method, "/", method === "GET" ? {} : { body: new FedBody().piece("x").end() });
    const outcome = await heard(asked).then(
      ({ head, body, end }) => ({ status: head.status, fields: head.fields, body, trailers: end.trailers }),
      ({ code, message }) => ({ code, message: message.replace(/127\.0\.0\.1:\d+/, "WEB") }),
    );
    return { ...outcome, interims: asked.interims.map(({ fields }) => fields) };
  });
  const [got, posted] = await Promise.all(outcomes);
  expect(posted).toEqual(got);
  return got;
};

const WHOLE = { status: 200, fields: ["set-cookie", "a=1"], body: "hello", trailers: [], interims: [] };

const PASSED = [
  ["white space around it", " \t v\t ", "v"],
  ["a DEL", "a=\x7f1", "a= 1"],
  ["a DEL at its end", "a\x7f", "a"],
  ["other control characters", "a\x01\x1f1", "a  1"],
  ["nothing", "", ""],
  ["bytes above 0x7f", "\xe9", "\xe9"],
] as const;

describe("a value with what does no harm goes on strictly", () => {
  it.each(PASSED)("%s", async (_, value, strict) => {
    const fields = [...literal("x-one", value), ...COOKIE];
    const taken = ["x-one", strict, "set-cookie", "a=1"];
    expect(await outcomeOf(answering({ interim: fields }))).toEqual({ ...WHOLE, interims: [taken] });
    expect(await outcomeOf(answering({ head: [...OK, ...fields] }))).toEqual({ ...WHOLE, fields: taken });
    expect(await outcomeOf(answering({ trailers: fields }))).toMatchObject({
      ...WHOLE,
      trailers: ["x-one", strict, ...taken.slice(2)],
    });
  });
});

const REFUSED = [
  ["a NUL in a value", literal("set-cookie", "a\0b"), 'its field "set-cookie" holds "\\u0000"'],
  ["a CR in a value", literal("x-one", "a\rb"), 'its field "x-one" holds "\\r"'],
  ["a LF in a value", literal("x-one", "a\nb"), 'its field "x-one" holds "\\n"'],
  ["a name that is no token", literal("x one", "a"), 'it sent a field whose name is none: "x one"'],
  ["a name in latin1", literal("x\xe9", "a"), 'it sent a field whose name is none: "x\\u00e9"'],
  ["an empty name", literal("", "a"), 'it sent a field whose name is none: ""'],
] as const;

describe("a field that could be read in two ways is refused, and the log names it", () => {
  it.each(REFUSED)("%s", async (_, bad, why) => {
    const fields = [...COOKIE, ...bad];
    const refused = { code: "origin-failed", message: `http://WEB: ${why}`, interims: [] };
    expect(await outcomeOf(answering({ interim: fields }))).toEqual(refused);
    expect(await outcomeOf(answering({ head: [...OK, ...fields] }))).toEqual(refused);
    expect(await outcomeOf(answering({ trailers: fields }))).toMatchObject({
      code: "truncated",
      message: expect.stringContaining(why),
    });
  });
});

it.each(["content-length", "transfer-encoding"])("a DEL in %s is refused", async (name) => {
  const head = [...OK, ...literal(name, "5\x7f")];
  expect(await outcomeOf(answering({ head }))).toMatchObject({ code: "origin-failed", interims: [] });
});

it("a field that was sent before is found where it is only named", async () => {
  const [newest, older] = [0xbe, 0xbf];
  const head = [...OK, ...literal("x-one", "a\x7fb", 0x40), ...literal("x-two", "2", 0x40)];
  expect(
    await outcomeOf(answering({ interim: head.slice(1), head: [...OK, newest, older, newest] })),
  ).toMatchObject({ fields: ["x-two", "2", "x-one", "a b", "x-two", "2"] });
});

it("thousands of interim heads, at once, are followed by the head", async () => {
  const interims = Array.from({ length: 5_000 }, () => [...EARLY_HINTS, ...COOKIE]);
  const outcome = await outcomeOf((stream) => [
    ...interims.map((interim) => frame(HEADERS, END_HEADERS, stream, interim)),
    ...answering({})(stream),
  ]);
  expect({ ...outcome, interims: [] }).toEqual(WHOLE);
});

it("a 204 keeps its fields, though nghttp2 takes the length from it", async () => {
  const head = [...NO_CONTENT, ...COOKIE, ...literal("content-length", "0")];
  const outcome = await outcomeOf((stream) => [frame(HEADERS, END_HEADERS | END_STREAM, stream, head)]);
  expect(outcome).toMatchObject({ status: 204, fields: ["set-cookie", "a=1", "content-length", "0"] });
});

it("a connection on which the web server says more between two requests carries the second one", async () => {
  await using web = await RawHttp2Web.listen(answering({}));
  await using client = new TestClient(routeTo(web.port, { protocol: "http2" }));
  await heard(ask(client));
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  const before = web.receivedBytes;
  web.say(frame(PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]));
  await until(() => web.receivedBytes > before, "the answer to the ping");
  expect((await heard(ask(client))).body).toBe("hello");
  expect(web.count).toBe(1);
});
