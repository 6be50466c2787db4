/** Who leaves, dies or hangs, on either end of the whole pair, and what the other end sees of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { pageOf } from "../kit/changing-site.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, HOST, request } from "../kit/raw-requests.ts";
import type { RawVisitor } from "../kit/raw-visitor.ts";
import type { RawRequest } from "../kit/raw-web.ts";

watchLeaks();

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair();
});
afterAll(() => pair[Symbol.asyncDispose]());

/** Far less than what time limits would take to end the request at the web server; the machine may be busy. */
const CANCELLED_WITHIN_MS = 20_000;
const inTime = <T>(what: Promise<T>): Promise<T> =>
  systemClock.within(CANCELLED_WITHIN_MS, undefined, () => what);

const PAGE = pageOf(1, "cancel").toString();
const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";

describe.each([
  ["breaks its connection off", (visitor: RawVisitor) => visitor.leave()],
  ["closes its connection in order", (visitor: RawVisitor) => visitor.socket.end()],
])("a visitor that %s", (_, leave) => {
  it.each<[string, string, (asked: RawRequest, visitor: RawVisitor) => Promise<void> | void]>([
    ["before the answer", GET("/leave"), () => {}],
    ["before the answer, to POST", request("POST /leave", ["Content-Length: 4"], "body"), () => {}],
    [
      "after an interim head",
      GET("/leave"),
      async (asked, visitor) => {
        asked.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        await visitor.head();
      },
    ],
    [
      "inside a page that comes slowly",
      GET("/leave"),
      async (asked, visitor) => {
        asked.say(`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\n<!do\r\n`);
        await visitor.until("<!do");
      },
    ],
    [
      "inside an image",
      GET("/leave"),
      async (asked, visitor) => {
        asked.say("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nimage");
        await visitor.until("image");
      },
    ],
    [
      "inside an upgraded connection",
      GET("/leave", "Connection: Upgrade", "Upgrade: echo"),
      async (asked, visitor) => {
        asked.say("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        await visitor.head();
      },
    ],
  ])("%s: the web server's connection ends within a second", async (_, text, until) => {
    const { visitor, request: asked } = await pair.ask(text);
    await until(asked, visitor);
    leave(visitor);
    await inTime(asked.connection.over);
    visitor.end();
    asked.connection.socket.destroy();
  });
});

it("a visitor that leaves takes its own exchange with it, and no other on the link", async () => {
  const exchanges = await Promise.all(Array.from({ length: 10 }, (_, i) => pair.ask(GET(`/many/${i}`))));
  await Promise.all(
    exchanges.map(async ({ visitor, request: asked }, index) => {
      if (index % 2 === 0) {
        visitor.leave();
        await inTime(asked.connection.over);
      } else {
        asked.ok(asked.target);
        expect((await visitor.response()).body.toString()).toBe(asked.target);
      }
    }),
  );
});

describe("a web server that dies inside a body", () => {
  const LENGTH = `${HEAD}Content-Length: ${PAGE.length}\r\n\r\n`;
  const CHUNKS = `${HEAD}Transfer-Encoding: chunked\r\n\r\n${PAGE.length.toString(16)}\r\n`;
  const IMAGE = LENGTH.replace("text/html", "image/png");
  const DEATHS: readonly (readonly [string, (asked: RawRequest) => void])[] = [
    ["by a reset", (asked) => asked.reset()],
    ["by closing", (asked) => asked.end()],
  ];

  it.each(
    DEATHS.flatMap(([how, die]) =>
      [
        ["a page with a length", LENGTH],
        ["a page in chunks", CHUNKS],
        ["an image with a length", IMAGE],
      ].map(([what = "", head = ""]) => [how, what, head, die] as const),
    ),
  )(
    "%s, of %s: the visitor sees a cut, also where both sides held the page",
    async (how, what, head, die) => {
      const target = `/dies/${how}/${what}`.replaceAll(" ", "-");
      const held = await pair.ask(GET(target));
      held.request.answer(`${LENGTH}${PAGE}`);
      expect((await held.visitor.response()).body.toString()).toBe(PAGE);
      for (const version of ["HTTP/1.1", "HTTP/1.0"]) {
        for (const part of [1, 2000, PAGE.length - 1]) {
          const { visitor, request: asked } = await pair.ask(
            `GET ${target} ${version}\r\nHost: ${HOST}\r\n\r\n`,
          );
          asked.connection.socket.write(`${head}${PAGE.slice(0, part)}`, () => die(asked));
          const broken = new Promise((resolve) => visitor.socket.once("error", resolve));
          const got = await visitor.response();
          if (got.status === 502) expect(got.body.length).toBeLessThan(100);
          else if (got.framing === "close") await broken;
          else expect(got.complete).toBe(false);
          expect(got.status === 502 || PAGE.startsWith(got.body.toString())).toBe(true);
          visitor.end();
        }
      }
    },
  );

  it("that only the end of the connection ends, by a reset: the visitor sees a cut", async () => {
    for (const type of ["text/html", "image/png"]) {
      const { visitor, request: asked } = await pair.ask(GET("/endless"));
      asked.say(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n\r\n${PAGE}`);
      await visitor.until("</ul>");
      asked.reset();
      await visitor.closed;
      expect(visitor.seen.toString("latin1").endsWith("0\r\n\r\n")).toBe(false);
    }
  });

  it("before any of an answer is 502, for GET and POST, in words that tell nothing of what is inside", async () => {
    for (const [how, die] of DEATHS) {
      for (const text of [GET("/none"), request("POST /none", ["Content-Length: 2"], "ab")]) {
        const { visitor, request: asked } = await pair.ask(text);
        die(asked);
        const got = await visitor.response();
        expect([how, got.status]).toEqual([how, 502]);
        expect(`${got.fields} ${got.body}`).not.toMatch(/coilgun|127\.0\.0\.1|ECONN|socket|\.ts/i);
      }
    }
  });
});

describe("a web server that hangs", () => {
  let hasty: RawPair;
  beforeAll(async () => {
    hasty = await openRawPair({ route: { answer: "300ms", idle: "300ms" } });
  });
  afterAll(() => hasty[Symbol.asyncDispose]());

  it.each([
    ["without a word", GET("/hang"), ""],
    ["inside its head", GET("/hang"), "HTTP/1.1 200 OK\r\nX-A"],
    ["after an interim head", GET("/hang"), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"],
    ["after an upload", request("POST /hang", ["Content-Length: 2"], "ab"), ""],
    ["instead of 100", request("POST /hang", ["Expect: 100-continue", "Content-Length: 2"]), ""],
    ["instead of 101", GET("/hang", "Connection: Upgrade", "Upgrade: echo"), ""],
  ])("%s: 504 at the route's time, and its connection is closed", async (_, text, said) => {
    const { visitor, request: asked } = await hasty.ask(text);
    asked.say(said);
    expect((await visitor.response()).status).toBe(504);
    await asked.connection.over;
    visitor.end();
  });

  it("inside a body: a visible cut at the route's idle time; an event stream may be silent for longer", async () => {
    const events = await hasty.ask(GET("/events"));
    events.request.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    await events.visitor.until("data: 1");
    for (const type of ["text/html", "image/png"]) {
      const { visitor, request: asked } = await hasty.ask(GET("/half"));
      asked.say(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: 9\r\n\r\nhalf`);
      const got = await visitor.response();
      expect(got.status === 504 || !got.complete).toBe(true);
    }
    events.request.say("data: 2\n\n");
    await events.visitor.until("data: 2");
    events.visitor.leave();
  });

  it("and the next request is served", async () => {
    const { visitor, request: asked } = await hasty.ask(GET("/next"));
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });
});
