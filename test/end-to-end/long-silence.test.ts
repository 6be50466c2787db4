/**
 * What may be silent for as long as it likes: a long poll, an event stream, a connection that was upgraded. Minutes pass by a clock
 * that leaps, at both daemons; that the same leap ends what has a limit shows that it is the limits that are asked.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type EchoOrigin, openEchoOrigin } from "../kit/echo-origin.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { LeapingClock } from "../kit/leaping-clock.ts";
import { Reading } from "../kit/reading.ts";
import { HOST } from "../kit/real-daemons.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";
import { settledWork, until } from "../kit/until.ts";
import { begin, visit } from "../kit/visits.ts";

watchLeaks();

const MINUTE = 60_000;

let clock: LeapingClock;
let undo: AsyncDisposableStack;
let web: EchoOrigin;
let secure: SecurePair;
let responses: ServerResponse[];
beforeEach(async () => {
  undo = new AsyncDisposableStack();
  clock = new LeapingClock();
  responses = [];
  web = undo.use(
    await openEchoOrigin({
      serve: (_, response) => {
        responses.push(response);
      },
    }),
  );
  const origin = `http://127.0.0.1:${web.port}`;
  secure = undo.use(
    await openSecurePair({
      serve() {},
      clock,
      // A heartbeat that a leap outruns would end the link, and rightly so.
      edge: { times: { originAnswer: "10m", idle: "10s", keepAlive: "10s", heartbeat: "5m", drain: "1s" } },
      origin: {
        routes: [
          { host: HOST, path: "/poll", origin, answer: "10m", idle: "10s" },
          { host: HOST, origin, answer: "30s", idle: "10s" },
        ],
        times: { heartbeat: "5m", drain: "1s" },
      },
    }),
  );
});
afterEach(() => undo.disposeAsync());

const asked = async (count: number): Promise<ServerResponse> => {
  await until(() => responses.length >= count, "the request at the web server");
  return responses[count - 1] as ServerResponse;
};

/** Minutes pass one after the other, with time for what each of them brings about. */
const pass = async (minutes: number): Promise<void> => {
  for (let minute = 0; minute < minutes; minute++) {
    clock.leap(MINUTE);
    await settledWork();
  }
};

describe("the web server's answer", () => {
  it("to a long poll may take minutes, where its route says so", async () => {
    const polled = visit(secure.http, { path: "/poll" });
    const response = await asked(1);
    await pass(4);
    response.end("news");
    expect(await polled).toMatchObject({ status: 200, body: Buffer.from("news") });
  });

  it("to a long poll over HTTP/2 may take minutes, too", async () => {
    await using visitor = await openHttp2(secure);
    const polled = visitor.begin({ ":path": "/poll" });
    const response = await asked(1);
    await pass(4);
    response.end("news");
    const { status, stream } = await polled;
    expect([status, (await new Reading(stream).end()).toString()]).toEqual([200, "news"]);
  });

  it("is 504 after the time of a route that says less", async () => {
    const polled = visit(secure.http, { path: "/other" });
    await asked(1);
    await pass(1);
    expect((await polled).status).toBe(504);
  });
});

describe("a body", () => {
  it("of events may be silent for minutes, then goes on", async () => {
    const got = begin(secure.http, { path: "/events" });
    const response = await asked(1);
    response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: 1\n\n");
    const reading = new Reading(await got);
    await reading.upTo("1\n\n");
    await pass(4);
    response.end("data: 2\n\n");
    expect((await reading.end()).toString()).toBe("data: 1\n\ndata: 2\n\n");
    expect(reading.cut).toBe(false);
  });

  it("of another kind is cut after its route's time of silence", async () => {
    const got = begin(secure.http, { path: "/page" });
    const response = await asked(1);
    response.writeHead(200, { "Content-Type": "text/html" }).write("begun");
    const reading = new Reading(await got);
    await reading.upTo("begun");
    await pass(1);
    await until(() => reading.cut, "the cut");
    expect(reading.ended).toBe(false);
  });
});

describe("a WebSocket", () => {
  const opened = async (): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${secure.http}/`, { headers: { Host: HOST } });
    await once(socket, "open");
    return socket;
  };

  it("may be silent for minutes, then says what it has to say, both ways", async () => {
    const socket = await opened();
    await pass(4);
    socket.send("still here");
    const [said] = await once(socket, "message");
    expect(String(said)).toBe("still here");
    socket.close(1000);
    expect((await once(socket, "close"))[0]).toBe(1000);
  });

  it("carries the pings of either end and their pongs, through minutes of silence", async () => {
    const socket = await opened();
    const [client] = web.sockets.clients;
    for (let beat = 0; beat < 3; beat++) {
      await pass(1);
      client?.ping(`from the server ${beat}`);
      expect(String((await once(client as WebSocket, "pong"))[0])).toBe(`from the server ${beat}`);
      socket.ping(`from the visitor ${beat}`);
      expect(String((await once(socket, "pong"))[0])).toBe(`from the visitor ${beat}`);
    }
    socket.terminate();
    await until(() => web.sockets.clients.size === 0, "the end at the web server");
  });
});
