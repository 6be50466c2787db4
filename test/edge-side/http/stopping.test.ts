/** Connections of visitors while the edge stops: a request that is under way to it is served. SPEC section "Visitors". */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { ErrorPages } from "../../../edge-side/http/errors/error-pages.ts";
import { serveVisitors } from "../../../edge-side/http/http-server.ts";
import { GRACE_MS } from "../../../edge-side/http/linger.ts";
import { NamedFile } from "../../../protocol/config/schema.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn, RawVisitor } from "../../kit/raw-visitor.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { until } from "../../kit/until.ts";

watchLeaks();

const { certificate, privateKey } = makeAuthority().issue({ name: "a" });
const file = (pem: string) => new NamedFile("site.pem", Buffer.from(pem));
const tls = {
  certificates: [{ certificate: file(certificate), privateKey: file(privateKey) }],
  hsts: undefined,
};
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const serving = async (scheme: "http" | "https") => {
  const clock = new FakeClock();
  const config = edgeConfigOf();
  const [listen] = config.visitors;
  if (listen === undefined) throw new Error("no listener");
  let finish = () => {};
  const server = await serveVisitors(
    { ...config, visitors: [scheme === "http" ? listen : { ...listen, tls }] },
    {
      clock,
      log: silentLog,
      errorPages: new ErrorPages("coilgun-test"),
      hosts: { isServed: () => true, defaultHost: undefined, trusts: () => false },
      visits: {
        serve(visitor) {
          const endless = visitor.target === "/endless";
          if (visitor.upgrade !== undefined) visitor.uploadBody({ pause() {}, resume() {} });
          const status = visitor.upgrade === undefined ? 200 : 101;
          visitor.head({ status, reason: "OK", fields: endless ? [] : ["Content-Length", "2"] });
          visitor.flush();
          if (endless) return void visitor.body(Buffer.from("begun"));
          finish = () => void visitor.body(Buffer.from("ok")).then(() => visitor.end([]));
          if (visitor.target !== "/slow") finish();
        },
        refused() {},
      },
    },
  );
  const abort = new AbortController();
  onTestFinished(() => {
    abort.abort();
    return server.close(abort.signal);
  });
  const port = server.addresses[0]?.port ?? 0;
  const connect = () => RawVisitor.connect(port, scheme === "http" ? undefined : {});
  const stop = () => {
    let over = false;
    const closed = server.close(abort.signal).then(() => {
      over = true;
    });
    return { closed, over: () => over };
  };
  return { clock, port, connect, stop, finish: () => finish(), cut: () => abort.abort() };
};

const CUT: readonly (readonly [string, number, string])[] = [
  ["a response without a length", 200, GET],
  ["a response of HTTP/1.0", 200, GET.replace("1.1", "1.0")],
  ["an upgraded connection", 101, GET.replace("\r\n\r\n", "\r\nConnection: upgrade\r\nUpgrade: any\r\n\r\n")],
];
const ON_BOTH = (["http", "https"] as const).flatMap((scheme) => CUT.map((row) => [scheme, ...row] as const));

it.each(ON_BOTH)(
  "over %s, %s that is not over when a stopping edge waits no longer is reset",
  async (...row) => {
    const [scheme, , status, asked] = row;
    const { connect, stop, cut } = await serving(scheme);
    const visitor = await connect();
    const failed: unknown[] = [];
    visitor.socket.on("error", ({ code }: NodeJS.ErrnoException) => failed.push(code));
    visitor.send(asked.replace("/", "/endless"));
    expect((await visitor.head()).status).toBe(status);
    await visitor.until("begun");
    const { closed } = stop();
    cut();
    await closed;
    await until(() => visitor.socket.closed, "the end of the connection");
    expect(failed).toEqual(["ECONNRESET"]);
  },
);

describe.each(["http", "https"] as const)("over %s, when the edge stops", (scheme) => {
  it.each([
    ["that was used before", true],
    ["that nothing came on yet", false],
  ])("a request on a connection %s is answered, and is the last", async (_, used) => {
    const { connect, stop } = await serving(scheme);
    const visitor = await connect();
    if (used) await visitor.send(GET).response();
    else await visitor.send(GET.slice(0, 9));
    const { closed } = stop();
    const response = await visitor.send(used ? GET : GET.slice(9)).response();
    expect([response.status, response.body.toString()]).toEqual([200, "ok"]);
    expect(fieldIn(response, "connection")).toBe("close");
    await visitor.closed;
    visitor.end();
    await closed;
  });

  it("a connection that was promised to be kept is, for one more request", async () => {
    const { connect, stop, finish } = await serving(scheme);
    const visitor = await connect();
    visitor.send(GET.replace("/", "/slow"));
    await visitor.until("\r\n\r\n");
    const { closed } = stop();
    finish();
    await visitor.until("ok");
    expect(fieldIn(await visitor.send(GET).response(), "connection")).toBe("close");
    await visitor.closed;
    visitor.end();
    await closed;
  });

  it.each([
    ["used before", true],
    ["never used", false],
  ])("a connection %s ends in order when no request comes in time, and not before", async (_, used) => {
    const { clock, connect, stop } = await serving(scheme);
    const visitor = await connect();
    if (used) await visitor.send(GET).response();
    // The one before has no handshake under way either, then.
    const another = await connect();
    await another.send(GET).response();
    another.end();
    await until(() => clock.timers === 0, "no timer of the request");
    let ended = false;
    void visitor.closed.then(() => {
      ended = true;
    });
    const { closed, over } = stop();
    await clock.advance(GRACE_MS - 1);
    expect([ended, over()]).toEqual([false, false]);
    await clock.advance(1);
    await visitor.closed;
    visitor.end();
    await closed;
    expect(clock.timers).toBe(0);
  });

  it("a request whose head has begun to come is waited for", async () => {
    const { clock, connect, stop } = await serving(scheme);
    const visitor = await connect();
    await visitor.send(GET).response();
    const { closed } = stop();
    visitor.send(GET.slice(0, 9));
    await clock.advance(GRACE_MS);
    expect((await visitor.send(GET.slice(9)).response()).status).toBe(200);
    await visitor.closed;
    visitor.end();
    await closed;
  });

  it("connections that were made and not accepted yet are, and their requests answered", async () => {
    const { connect, stop } = await serving(scheme);
    const coming = Array.from({ length: 30 }, connect);
    // Node asks the system for them at the end of this turn's first step; none has been accepted.
    await new Promise<void>(process.nextTick);
    const { closed } = stop();
    for (const visitor of await Promise.all(coming)) {
      const { status, fields } = await visitor.send(GET).response();
      expect([status, fieldIn({ fields }, "connection")]).toEqual([200, "close"]);
      await visitor.closed;
      visitor.end();
    }
    await closed;
  });

  it("nothing new is accepted", async () => {
    const { port, stop } = await serving(scheme);
    const { closed } = stop();
    await closed;
    const [error] = await once(connectTcp(port, "127.0.0.1"), "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });
});

/** Of HTTP/2: 9 bytes of type, flags and stream, then what it carries. */
const frame = (type: number, flags: number, stream: number, bytes: readonly number[] = []) =>
  Buffer.from([0, 0, bytes.length, type, flags, 0, 0, 0, stream, ...bytes]);
const [DATA, HEADERS, SETTINGS, GOAWAY] = [0, 1, 4, 7];
const END_STREAM_AND_HEADERS = 5;
/** :method GET, :scheme https, :path /, :authority a */
const REQUEST = [0x82, 0x87, 0x84, 0x41, 1, 0x61];

describe("over HTTP/2, when the edge stops", () => {
  it.each([
    ["is open", false],
    ["is not open yet", true],
  ])(
    "a session that %s is told of its end, takes requests meanwhile, and is told which was the last",
    async (_, late) => {
      const { clock, port, connect, stop } = await serving("https");
      const tcp = connectTcp(port, "127.0.0.1");
      await once(tcp, "connect");
      const accepted = await connect();
      await accepted.send(GET).response();
      accepted.end();
      const stopLate = late ? stop() : undefined;
      const visitor = new RawVisitor(
        connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ["h2"] }),
      );
      const next = async (type: number): Promise<Buffer> => {
        const head = await visitor.bytes(9);
        const body = await visitor.bytes(head.readUIntBE(0, 3));
        return head[3] === type ? body : next(type);
      };
      const goaway = async () => {
        const body = await next(GOAWAY);
        return { last: body.readUInt32BE(0), code: body.readUInt32BE(4) };
      };
      visitor.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(SETTINGS, 0, 0));
      expect((await visitor.bytes(9))[3]).toBe(SETTINGS);
      await visitor.bytes(30);
      const { closed } = stopLate ?? stop();
      expect(await goaway()).toEqual({ last: 2 ** 31 - 1, code: 0 });
      visitor.send(frame(HEADERS, END_STREAM_AND_HEADERS, 1, REQUEST));
      expect((await next(DATA)).toString()).toBe("ok");
      await clock.advance(GRACE_MS);
      expect(await goaway()).toEqual({ last: 1, code: 0 });
      visitor.end();
      await closed;
      await until(() => clock.timers === 0, "no timer");
    },
  );
});
