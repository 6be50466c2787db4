import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  BODY_QUEUE_BYTES,
  type BodyEnd,
  OriginBody,
  type OriginRequest,
  OriginServerClient,
} from "../../origin-side/fetch-origin.ts";
import { StreamError } from "../../protocol/wire/errors.ts";
import type { ResponseHead } from "../../protocol/wire/http-head.ts";
import { bodyOf, flood, freePort, openOrigin, openRawServer } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { stillness } from "../kit/until.ts";

watchLeaks();

const undo = new AsyncDisposableStack();
let open = undo;
afterEach(async () => {
  await open.disposeAsync();
  open = new AsyncDisposableStack();
});

const clientOf = (
  port: number,
  more: { answerMs?: number; connections?: number } = {},
): OriginServerClient => {
  const client = new OriginServerClient(
    {
      host: "www.example.com",
      origin: { scheme: "http", address: { host: "127.0.0.1", port } },
      connectMs: 5_000,
      answerMs: more.answerMs ?? 20_000,
      connections: more.connections ?? 4,
    },
    { headBytes: 16 * 1024 },
  );
  open.defer(() => client.close());
  return client;
};

const get = (more: Partial<OriginRequest> = {}, target = "/"): OriginRequest => ({
  head: { method: "GET", target, fields: ["Host", "www.example.com", "Accept-Encoding", "identity"] },
  body: undefined,
  signal: new AbortController().signal,
  interim() {},
  ...more,
});

/** Everything of a body; the error that ended it too early, if one did. */
const read = async (
  body: OriginBody,
): Promise<{ bytes: Buffer; end: BodyEnd | undefined; error: StreamError | undefined }> => {
  const pieces: Buffer[] = [];
  try {
    for (;;) {
      const next = await body.arrived.next();
      if (!Buffer.isBuffer(next)) return { bytes: Buffer.concat(pieces), end: next, error: undefined };
      pieces.push(next);
      body.taken(next);
    }
  } catch (error) {
    return { bytes: Buffer.concat(pieces), end: undefined, error: error as StreamError };
  }
};

const failureOf = async (fetched: Promise<unknown>): Promise<StreamError> => {
  try {
    await fetched;
  } catch (error) {
    if (error instanceof StreamError) return error;
    throw error;
  }
  throw new Error("it did not fail");
};

/** A server that hears one request head, says `text` (latin1) and then does `then`. */
const saying = async (text: string, then: (socket: Socket) => void = () => {}) => {
  const heard: string[] = [];
  const server = await openRawServer((socket) => {
    socket.on("data", (bytes) => {
      heard.push(bytes.toString("latin1"));
      if (!heard.join("").includes("\r\n\r\n")) return;
      socket.write(text, "latin1");
      then(socket);
    });
  });
  open.use(server);
  return { port: server.port, heard };
};

describe("a response", () => {
  it("keeps order, duplicates, case and bytes of its fields, and its own reason", async () => {
    const { port } = await saying(
      "HTTP/1.1 299 Quite f\u00c3\u00afne\r\nX-B: 2\r\nSet-Cookie: a=1\r\nx-b: \u00e9\u00ff\r\nSet-Cookie: b=2\r\nX-Empty:\r\nContent-Length: 2\r\n\r\nok",
    );
    const { head, body } = await clientOf(port).fetch(get());
    expect(head).toEqual({
      status: 299,
      reason: "Quite f\u00c3\u00afne",
      fields: [
        ...["X-B", "2", "Set-Cookie", "a=1", "x-b", "\u00e9\u00ff", "Set-Cookie", "b=2"],
        ...["X-Empty", "", "Content-Length", "2"],
      ],
    });
    const { bytes, end } = await read(body);
    expect([bytes.toString(), end]).toEqual(["ok", { how: "complete", trailers: [] }]);
  });

  it("loses the fields of its one connection, those that Connection names too", async () => {
    const { port } = await saying(
      "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nX-Stays: 1\r\n\r\n0\r\n\r\n",
    );
    const { head, body } = await clientOf(port).fetch(get());
    expect(head.fields).toEqual(["X-Stays", "1"]);
    await read(body);
  });

  it("brings its trailers", async () => {
    const { port } = await saying(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    const { body } = await clientOf(port).fetch(get());
    expect((await read(body)).end).toEqual({ how: "complete", trailers: ["X-Sum", "1"] });
  });

  it("is closed, not complete, when it had no length and ended with its connection", async () => {
    const { port } = await saying("HTTP/1.1 200 OK\r\n\r\nhalf a page?", (socket) => socket.end());
    const { body } = await clientOf(port).fetch(get());
    const { bytes, end } = await read(body);
    expect([bytes.toString(), end?.how]).toEqual(["half a page?", "closed"]);
  });

  it.each([
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"],
    ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
  ])("that had %s and is cut is truncated", async (_, text) => {
    const { port } = await saying(text, (socket) => socket.end());
    const { body } = await clientOf(port).fetch(get());
    const { bytes, error } = await read(body);
    expect([bytes.toString(), error?.code]).toEqual(["half", "truncated"]);
  });

  it("may come after interim heads", async () => {
    const { port } = await saying(
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    const interim: ResponseHead[] = [];
    const { head, body } = await clientOf(port).fetch(get({ interim: (early) => interim.push(early) }));
    expect(head.status).toBe(200);
    expect(interim.map(({ status, fields }) => [status, ...fields])).toEqual([
      [103, "Link", "</a.css>; rel=preload"],
    ]);
    await read(body);
  });
});

describe("a request", () => {
  it("has method, target, fields and body as they were given", async () => {
    let seen:
      | { method: string | undefined; url: string | undefined; raw: string[]; body: string }
      | undefined;
    await using origin = await openOrigin(async (request, response) => {
      seen = {
        method: request.method,
        url: request.url,
        raw: request.rawHeaders,
        body: (await bodyOf(request)).toString(),
      };
      response.end();
    });
    const fields = [
      "Host",
      "www.example.com",
      "X-A",
      "1",
      "x-a",
      "\u00e9",
      "X-Empty",
      "",
      "Content-Length",
      "5",
    ];
    const { body } = await clientOf(origin.port).fetch(
      get({
        head: { method: "PUT", target: "/a%20b?c=d&c=%C3%A9", fields },
        body: (async function* () {
          yield Buffer.from("he");
          yield Buffer.from("llo");
        })(),
      }),
    );
    await read(body);
    expect(seen).toMatchObject({ method: "PUT", url: "/a%20b?c=d&c=%C3%A9", body: "hello" });
    const raw = seen?.raw.join("|");
    expect(raw).toContain("X-A|1|x-a|\u00e9|X-Empty|");
    expect(raw?.toLowerCase()).toContain("host|www.example.com");
  });

  it("whose body has no length travels in chunks", async () => {
    await using origin = await openOrigin(async (request, response) => {
      response.end(`${request.headers["transfer-encoding"]} ${await bodyOf(request)}`);
    });
    const { body } = await clientOf(origin.port).fetch(
      get({
        head: { method: "POST", target: "/", fields: ["Host", "www.example.com"] },
        body: (async function* () {
          yield Buffer.from("as it comes");
        })(),
      }),
    );
    expect((await read(body)).bytes.toString()).toBe("chunked as it comes");
  });

  it("that was given up closes the connection to the web server", async () => {
    const left = Promise.withResolvers<void>();
    await using origin = await openOrigin((request, response) => {
      request.socket.once("close", () => left.resolve());
      response.write("begin");
    });
    const gone = new AbortController();
    const { body } = await clientOf(origin.port).fetch(get({ signal: gone.signal }));
    gone.abort(new StreamError("cancelled"));
    expect((await read(body)).error?.code).toBe("cancelled");
    await left.promise;
  });

  it("that was given up while it waited for a connection is never sent", async () => {
    const running: (() => void)[] = [];
    await using origin = await openOrigin((_, response) => running.push(() => response.end("ok")));
    const client = clientOf(origin.port, { connections: 1 });
    const first = client.fetch(get());
    await origin.askedReach(1);
    const gone = new AbortController();
    const second = failureOf(client.fetch(get({ signal: gone.signal }, "/second")));
    const third = client.fetch(get({}, "/third"));
    gone.abort(new StreamError("cancelled"));
    running[0]?.();
    await read((await first).body);
    expect((await second).code).toBe("cancelled");
    await origin.askedReach(2);
    running[1]?.();
    await read((await third).body);
    expect(origin.asked).toEqual(["/", "/third"]);
  });
});

describe("a web server that fails", () => {
  it("by refusing connections is origin-failed, and its address stays out of the code", async () => {
    const failure = await failureOf(clientOf(await freePort()).fetch(get()));
    expect(failure.code).toBe("origin-failed");
    expect(failure.message).toContain("ECONNREFUSED");
  });

  it("by closing before a head is origin-failed", async () => {
    const { port } = await saying("", (socket) => socket.end());
    expect((await failureOf(clientOf(port).fetch(get()))).code).toBe("origin-failed");
  });

  it("by speaking something else is origin-failed", async () => {
    const { port } = await saying("SSH-2.0-OpenSSH_9.6\r\n");
    expect((await failureOf(clientOf(port).fetch(get()))).code).toBe("origin-failed");
  });

  it("by a head larger than allowed is origin-failed", async () => {
    const { port } = await saying(`HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(17 * 1024)}\r\n\r\n`);
    expect((await failureOf(clientOf(port).fetch(get()))).code).toBe("origin-failed");
  });

  it("by saying nothing is origin-silent", async () => {
    const { port } = await saying("");
    expect((await failureOf(clientOf(port, { answerMs: 100 }).fetch(get()))).code).toBe("origin-silent");
  });

  it("is origin-failed for a request that undici does not send", async () => {
    await using origin = await openOrigin((_, response) => response.end());
    const head = { method: "OPTIONS", target: "*", fields: ["Host", "www.example.com"] };
    expect((await failureOf(clientOf(origin.port).fetch(get({ head })))).code).toBe("origin-failed");
  });
});

describe("a body that nobody takes", () => {
  const BODY_BYTES = 20 * 1024 * 1024;

  it("waits at its socket, and comes complete when it is taken", async () => {
    let written = 0;
    await using origin = await openOrigin(async (_, response) => {
      await flood(response, BODY_BYTES, (bytes) => {
        written = bytes;
      });
      response.end();
    });
    const { body } = await clientOf(origin.port).fetch(get());
    await stillness(() => written);
    expect(written).toBeLessThan(BODY_BYTES);
    let waiting = 0;
    for (let next = body.arrived.take(); Buffer.isBuffer(next); next = body.arrived.take()) {
      waiting += next.length;
      body.taken(next);
    }
    expect(waiting).toBeGreaterThan(BODY_QUEUE_BYTES);
    // What undici has read already still comes after the pause: two reads of a socket at most.
    expect(waiting).toBeLessThan(BODY_QUEUE_BYTES + 3 * 64 * 1024);
    const { bytes, end } = await read(body);
    expect([waiting + bytes.length, end?.how]).toEqual([BODY_BYTES, "complete"]);
  });

  it("is paused above the bound and resumed at it, once each", () => {
    const heard: string[] = [];
    const body = new OriginBody({ pause: () => heard.push("pause"), resume: () => heard.push("resume") });
    const full = Buffer.alloc(BODY_QUEUE_BYTES);
    const one = Buffer.alloc(1);
    body.push(full);
    expect(heard).toEqual([]);
    body.push(one);
    expect(heard).toEqual(["pause"]);
    body.taken(one);
    expect(heard).toEqual(["pause", "resume"]);
    body.taken(full);
    expect(heard).toEqual(["pause", "resume"]);
  });
});

describe("a client that retires", () => {
  it("lets what runs come to its end", async () => {
    const finishing = Promise.withResolvers<() => void>();
    await using origin = await openOrigin((_, response) => {
      response.write("be");
      finishing.resolve(() => response.end("gin"));
    });
    const client = clientOf(origin.port);
    const { body } = await client.fetch(get());
    const retired = client.retire();
    (await finishing.promise)();
    expect((await read(body)).bytes.toString()).toBe("begin");
    await retired;
  });
});
