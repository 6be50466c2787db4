/** Limits at the visitors' door, with a whole pair behind it: what is too large, too slow or too many, and that others are served. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { LeapingClock } from "../kit/leaping-clock.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, HOST, request } from "../kit/raw-requests.ts";
import { fieldIn, type RawVisitor } from "../kit/raw-visitor.ts";
import { until } from "../kit/until.ts";

watchLeaks();

const MOST_HEAD = 8 * 1024;
const MOST_TARGET = 1024;
const MOST_BODY = 100_000;

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair({
    edge: {
      limits: { headBytes: "8 KiB", targetBytes: "1 KiB", bodyBytes: `${MOST_BODY} B`, visitors: 20 },
      times: { idle: "1s", keepAlive: "1s", drain: "1s" },
    },
  });
});
afterAll(() => pair[Symbol.asyncDispose]());

const expectServed = async (): Promise<void> => {
  const { visitor, request: asked } = await pair.ask(GET("/other"));
  asked.ok();
  expect((await visitor.response()).status).toBe(200);
  visitor.end();
};

/** One response, and what became of the connection. */
const refusal = async (visitor: RawVisitor): Promise<[number, string | undefined]> => {
  const got = await visitor.response();
  return [got.status, fieldIn(got, "connection")];
};

describe("a request of just the size", () => {
  it("of a target, a body and a head is served", async () => {
    for (const text of [
      GET(`/${"t".repeat(MOST_TARGET - 1)}`),
      request("POST /", [`Content-Length: ${MOST_BODY}`], "b".repeat(MOST_BODY)),
      GET("/", `X-Long: ${"h".repeat(MOST_HEAD - 200)}`),
    ]) {
      const { visitor, request: asked } = await pair.ask(text);
      await asked.body();
      asked.ok();
      expect((await visitor.response()).status).toBe(200);
      visitor.end();
    }
  });
});

describe("what is too large never reaches the web server", () => {
  it.each([
    ["a target: 414", GET(`/${"t".repeat(MOST_TARGET)}`), 414],
    ["a target beyond the head's bytes: 414", GET(`/${"t".repeat(MOST_HEAD + 1000)}`), 414],
    ["one field: 431", GET("/", `X-Long: ${"h".repeat(MOST_HEAD)}`), 431],
    ["many fields: 431", GET("/", ...Array.from({ length: 2000 }, (_, i) => `X-${i}: ${i}`)), 431],
    ["a field name: 431", GET("/", `X-${"n".repeat(MOST_HEAD)}: 1`), 431],
    ["a head without end: 431", `GET / HTTP/1.1\r\nHost: ${HOST}\r\n${"X-A: 1\r\n".repeat(4_000)}`, 431],
  ])("%s, and the connection closes", async (_, text, status) => {
    const before = pair.web.asked.length;
    const visitor = (await pair.visitor()).send(text);
    expect(await refusal(visitor)).toEqual([status, "close"]);
    expect(await visitor.rest()).toBe("");
    visitor.end();
    expect(pair.web.asked.length).toBe(before);
    await expectServed();
  });

  it("a body by its length: 413 before a byte of it is read; read and dropped, the connection goes on", async () => {
    const before = pair.web.asked.length;
    const visitor = (await pair.visitor()).send(request("POST /", [`Content-Length: ${MOST_BODY + 1}`]));
    expect((await refusal(visitor))[0]).toBe(413);
    visitor.send("b".repeat(MOST_BODY + 1), GET("/next"));
    const next = await pair.web.next();
    expect([next.target, pair.web.asked.length - before]).toEqual(["/next", 1]);
    next.ok("next");
    expect((await visitor.response()).body.toString()).toBe("next");
    visitor.end();
  });

  it("a body that grows beyond it in chunks: 413, and the web server sees it cut, not complete", async () => {
    const { visitor, request: asked } = await pair.ask(request("POST /", ["Transfer-Encoding: chunked"]));
    const chunk = `4000\r\n${"c".repeat(0x4000)}\r\n`;
    visitor.send(chunk.repeat(7));
    expect((await refusal(visitor))[0]).toBe(413);
    await asked.connection.over;
    expect(asked.connection.unread.endsWith("0\r\n\r\n")).toBe(false);
    visitor.leave();
    await expectServed();
  });

  it("chunk extensions without end: refused, and the connection closes", async () => {
    const visitor = (await pair.visitor()).send(
      request("POST /", ["Transfer-Encoding: chunked"], `1;${"e".repeat(20_000)}`),
    );
    expect((await visitor.response()).status).toBeGreaterThanOrEqual(400);
    await visitor.rest();
    visitor.end();
    while (pair.web.waiting > 0) (await pair.web.next()).reset();
  });
});

describe("a visitor that is slow", () => {
  it("with its head: 408 and closed, however steadily it drips", async () => {
    const before = pair.web.asked.length;
    const visitor = (await pair.visitor()).send("GET / HTTP/1.1\r\n");
    const dripping = setInterval(() => visitor.send("X-A: 1\r\n"), 100);
    try {
      expect(await refusal(visitor)).toEqual([408, "close"]);
    } finally {
      clearInterval(dripping);
    }
    await visitor.closed;
    visitor.end();
    expect(pair.web.asked.length).toBe(before);
  });

  it("that never says a byte is closed without a word", async () => {
    const visitor = await pair.visitor();
    expect(await visitor.rest()).toBe("");
    visitor.end();
  });

  it.each(["Content-Length: 10", "Transfer-Encoding: chunked"])(
    "with its body (%s): 408 and closed, and the web server sees it cut",
    async (field) => {
      const { visitor, request: asked } = await pair.ask(request("POST /", [field], "3\r\n"));
      expect(await refusal(visitor)).toEqual([408, "close"]);
      await asked.connection.over;
      expect(asked.connection.unread).not.toContain("0\r\n\r\n");
      visitor.end();
    },
  );

  it("but does not stop is served: a body may take as long as it likes", async () => {
    const clock = new LeapingClock();
    await using slow = await openRawPair({
      clock,
      edge: { times: { idle: "10s", heartbeat: "5m" } },
      origin: { times: { heartbeat: "5m" } },
      route: { idle: "10s" },
    });
    const { visitor, request: asked } = await slow.ask(request("POST /", ["Content-Length: 8"]));
    for (const byte of "trickle!") {
      visitor.send(byte);
      expect(await asked.connection.bytes(1)).toBe(byte);
      // Eight times, so longer than the limit altogether.
      clock.leap(6_000);
    }
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
    visitor.end();
  });

  it("between two requests is closed in order after its time", async () => {
    const { visitor, request: asked } = await pair.ask(GET());
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
    expect(await visitor.rest()).toBe("");
    visitor.end();
  });
});

it("of more visitors than the limit one that was idle makes room; busy ones are served, and so is who comes after", async () => {
  await using pair = await openRawPair({ edge: { limits: { visitors: 20 } } });
  const visitors = await Promise.all(Array.from({ length: 20 }, () => pair.visitor()));
  const busy = visitors.slice(0, 19);
  for (const visitor of busy) visitor.send(GET("/there"));
  const asked: Awaited<ReturnType<typeof pair.web.next>>[] = [];
  while (asked.length < busy.length) asked.push(await pair.web.next());
  const late = await pair.visitor();
  await visitors[19]?.closed;
  late.send(GET("/late"));
  (await pair.web.next()).ok();
  expect((await late.response()).status).toBe(200);
  for (const each of asked) each.ok();
  for (const visitor of busy) expect((await visitor.response()).status).toBe(200);
  late.leave();
  for (const visitor of visitors) visitor.leave();
  await Promise.all(visitors.map(({ closed }) => closed));
  for (let served = false; !served; ) {
    const next = (await pair.visitor()).send(GET("/after"));
    // The edge may not have heard yet that the others have left.
    const { socket } = next;
    await until(() => pair.web.waiting > 0 || socket.readableEnded || socket.destroyed, "one or the other");
    if (pair.web.waiting === 0) continue;
    (await pair.web.next()).ok();
    expect((await next.response()).status).toBe(200);
    served = true;
  }
});
