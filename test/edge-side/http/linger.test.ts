/** What is left of a request whose response came before its end. SPEC section "Visitors". */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import type { UploadBody } from "../../../edge-side/exchange/upload-body.ts";
import type { Visitor } from "../../../edge-side/exchange/visitor.ts";
import { ErrorPages } from "../../../edge-side/http/errors/error-pages.ts";
import { serveVisitors } from "../../../edge-side/http/http-server.ts";
import { LINGER_MS } from "../../../edge-side/http/linger.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { RawVisitor } from "../../kit/raw-visitor.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { reached, until } from "../../kit/until.ts";

it.each([
  ["nobody has asked for", async () => {}],
  ["rests", async (body: UploadBody) => body.next().then(() => body.rest())],
  ["is not wanted", async (body: UploadBody) => body.drop()],
  ["is lost", async (body: UploadBody) => body.lost()],
])(
  "a body that %s is forgotten once it is here: a response after it on the connection is not cut, and no timer stays",
  async (how, leave) => {
    const clock = new FakeClock();
    const accepted: Socket[] = [];
    const accept = (message: unknown) => accepted.push((message as { readonly socket: Socket }).socket);
    subscribe("net.server.socket", accept);
    onTestFinished(() => void unsubscribe("net.server.socket", accept));
    const listeners = () => accepted.map((socket) => socket.listenerCount("close"));
    const atFirst: number[][] = [];
    const visitors: Visitor[] = [];
    const visits = { serve: (visitor: Visitor) => void visitors.push(visitor), refused() {} };
    const config = edgeConfigOf();
    const server = await serveVisitors(config, {
      clock,
      log: silentLog,
      visits,
      errorPages: new ErrorPages("coilgun-test"),
      hosts: { isServed: () => true, defaultHost: undefined, trusts: () => false },
    });
    onTestFinished(() => server.close(AbortSignal.abort()));
    const raw = await RawVisitor.connect(server.addresses[0]?.port ?? 0);
    const WAITING = { pause() {}, resume() {} };
    for (let i = 0; i < 3; i++) {
      raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n", "x".repeat(100_000));
      const visitor = await reached(visitors, i + 1);
      if (how !== "nobody has asked for") await leave(visitor.uploadBody(WAITING));
      visitor.head({ status: 200, reason: "OK", fields: ["Content-Length", "0"] });
      visitor.end([]);
      await raw.response();
      raw.send("x".repeat(100_000));
      atFirst.push(listeners());
    }
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const last = await reached(visitors, 4);
    last.head({ status: 200, reason: "OK", fields: ["Content-Length", "2"] });
    await last.body(Buffer.from("o"));
    await clock.advance(LINGER_MS + 1);
    await last.body(Buffer.from("k"));
    last.end([]);
    expect((await raw.response()).body.toString()).toBe("ok");
    await until(() => clock.timers === 0, "no timer");
    expect(listeners()[0]).toBeLessThanOrEqual(atFirst[0]?.[0] ?? 0);
  },
);

it("a request without a body that is refused has no rest: no timer waits for it, and the connection goes on", async () => {
  const clock = new FakeClock();
  const visitors: Visitor[] = [];
  const server = await serveVisitors(edgeConfigOf(), {
    clock,
    log: silentLog,
    visits: { serve: (visitor) => void visitors.push(visitor), refused() {} },
    errorPages: new ErrorPages("coilgun-test"),
    hosts: { isServed: () => true, defaultHost: undefined, trusts: () => false },
  });
  onTestFinished(() => server.close(AbortSignal.abort()));
  const raw = await RawVisitor.connect(server.addresses[0]?.port ?? 0);
  raw.send("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect((await raw.response()).status).toBe(405);
  expect(clock.timers).toBe(0);
  raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const next = await reached(visitors, 1);
  next.head({ status: 200, reason: "OK", fields: ["Content-Length", "2"] });
  next.end([], Buffer.from("ok"));
  expect((await raw.response()).body.toString()).toBe("ok");
});
