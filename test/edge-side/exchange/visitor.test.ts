import { Agent } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { UploadBody } from "../../../edge-side/exchange/upload-body.ts";
import { isSafe, type Visitor } from "../../../edge-side/exchange/visitor.ts";
import { LEFT } from "../../../edge-side/http/errors/error-page.ts";
import { ErrorPages } from "../../../edge-side/http/errors/error-pages.ts";
import { serveVisitors, type VisitorServer } from "../../../edge-side/http/http-server.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { stillness, until } from "../../kit/until.ts";
import { type Asking, begin, finish, talk, visit } from "../../kit/visits.ts";

watchLeaks();

let server: VisitorServer | undefined;
afterEach(async () => {
  await server?.close(AbortSignal.abort());
  server = undefined;
});

/** One visitor at a time, and the port that it came by. */
const meet = async (serve: (visitor: Visitor) => unknown): Promise<number> => {
  server = await serveVisitors(edgeConfigOf(), {
    clock: systemClock,
    log: silentLog,
    visits: { serve: (visitor) => void serve(visitor), refused() {} },
    errorPages: new ErrorPages("coilgun-test"),
    hosts: { isServed: () => true, defaultHost: undefined, trusts: () => false },
  });
  return server.addresses[0]?.port ?? 0;
};

const head = (...fields: readonly string[]) => ({ status: 200, reason: "OK", fields });

const WAITING = { pause() {}, resume() {} };

/** Reads a body while there is room for it. */
class Reader {
  readonly pieces: Buffer[] = [];
  ended = false;
  #room: () => void = () => {};
  #reads: Promise<void> = Promise.resolve();

  /** Reads until it is told to stop. */
  read(body: UploadBody, hasRoom = true): this {
    if (!hasRoom)
      this.#reads = new Promise((resolve) => {
        this.#room = resolve;
      });
    void this.#run(body);
    return this;
  }

  makeRoom(): void {
    this.#room();
  }

  get bytes(): number {
    return this.pieces.reduce((sum, { length }) => sum + length, 0);
  }

  async #run(body: UploadBody): Promise<void> {
    for (;;) {
      const next = await body.next();
      if (next === undefined) return;
      if (!Buffer.isBuffer(next)) {
        this.ended = true;
        return;
      }
      this.pieces.push(Buffer.from(next));
      body.rest();
      await this.#reads;
    }
  }
}

describe("a visitor", () => {
  const met = async (asking: Asking): Promise<Visitor> => {
    let visitor: Visitor | undefined;
    const port = await meet((came) => {
      visitor = came;
      came.head(head("Content-Length", "0"));
      came.end([]);
    });
    await visit(port, asking);
    if (visitor === undefined) throw new Error("nobody came");
    return visitor;
  };

  it.each([
    [undefined, 3],
    ["u=0", 0],
    ["i, u=5", 5],
    ["u=9", 3],
    ["su=1", 3],
    ["u=7;x, i", 7],
  ])("that says priority %s has urgency %i", async (priority, urgency) => {
    expect((await met(priority === undefined ? {} : { headers: { Priority: priority } })).urgency).toBe(
      urgency,
    );
  });

  it.each([
    [{ method: "GET" }, true],
    [{ method: "HEAD" }, true],
    [{ method: "OPTIONS" }, true],
    [{ method: "POST", headers: { "Content-Length": 0 } }, false],
    [{ method: "DELETE" }, false],
    [{ method: "GET", headers: { "Content-Length": 2 }, body: Buffer.from("ab") }, false],
    [{ method: "GET", headers: { "Transfer-Encoding": "chunked" }, body: Buffer.from("ab") }, false],
  ])("with %j is safe to ask for again: %s", async (asking, safe) => {
    expect(isSafe(await met(asking))).toBe(safe);
  });
});

it.each([
  ["/a?b=http://c/d", "/a?b=http://c/d"],
  ["http://a/b?c", "/b?c"],
  ["HTTP://a?c", "/?c"],
  ["http://a", "*"], // RFC 9112 section 3.2.4
  ["*", "*"],
])("a target of %s is one of %s to a web server", async (asked, target) => {
  let seen: string | undefined;
  const port = await meet((visitor) => {
    seen = visitor.target;
    visitor.head(head("Content-Length", "0"));
    visitor.end([]);
  });
  await talk(port, `OPTIONS ${asked} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  expect(seen).toBe(target);
});

describe("a response", () => {
  it("has status, reason, order, duplicates, case and bytes of the head it was given", async () => {
    const fields = [
      "x-b",
      "1",
      "Set-Cookie",
      "a=\u00e9",
      "X-B",
      "",
      "Set-Cookie",
      "b",
      "Date",
      "then",
      "Content-Length",
      "0",
    ];
    const port = await meet((visitor) => {
      visitor.head({ status: 299, reason: "Quite f\u00efne", fields });
      visitor.end([]);
    });
    const seen = await visit(port);
    expect([seen.status, seen.reason, seen.fields]).toEqual([299, "Quite f\u00efne", fields]);
  });

  it("gets a Date only where it has none", async () => {
    const port = await meet((visitor) => {
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    expect(new Date((await visit(port)).headers.date ?? "").getFullYear()).toBeGreaterThan(2000);
  });

  it("has its head out before any of the body where it is flushed", async () => {
    let finishing = () => {};
    const port = await meet((visitor) => {
      visitor.head(head("X-Latin", "\u00e9"));
      visitor.flush();
      finishing = () => visitor.end([]);
    });
    const response = await begin(port);
    expect(response.headers["x-latin"]).toBe("\u00e9");
    finishing();
    expect((await finish(response)).body.length).toBe(0);
  });

  it("has trailers where it is chunked", async () => {
    const port = await meet(async (visitor) => {
      visitor.head(head());
      await visitor.body(Buffer.from("x"));
      visitor.end(["X-Sum", "1"]);
    });
    expect((await visit(port)).trailers).toEqual({ "x-sum": "1" });
  });

  it("waits for a visitor that does not read", async () => {
    const BYTES = 20 * 1024 * 1024;
    let sent = 0;
    const port = await meet(async (visitor) => {
      visitor.head(head("Content-Length", `${BYTES}`));
      const piece = Buffer.alloc(64 * 1024);
      for (; sent < BYTES; sent += piece.length) await visitor.body(piece);
      visitor.end([]);
    });
    const response = await begin(port);
    await stillness(() => sent);
    expect(sent).toBeLessThan(BYTES);
    expect((await finish(response)).body.length).toBe(BYTES);
  });

  it.each([
    ["shorter", "ab"],
    ["longer", "abcde"],
  ])(
    "whose body is %s than it says ends with its connection, so that nothing is read as what follows",
    async (_, body) => {
      let failed: unknown;
      const port = await meet(async (visitor) => {
        try {
          visitor.head(head("Content-Length", "4"));
          await visitor.body(Buffer.from(body));
          visitor.end([]);
        } catch (error) {
          failed = error;
          visitor.fail("internal");
        }
      });
      const { said } = await talk(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      expect(failed).toBeInstanceOf(Error);
      // Nothing at all where the head had not left yet.
      expect((said.split("\r\n\r\n")[1] ?? "").length).toBeLessThanOrEqual(4);
    },
  );
});

describe("a failure", () => {
  it.each([
    ["no-route", 502],
    ["refused", 503],
    ["origin-silent", 504],
    ["head-too-large", 431],
  ] as const)(
    "%s before the head is a page of status %i, and the connection goes on",
    async (code, status) => {
      const port = await meet((visitor) => {
        if (visitor.target === "/") expect(visitor.fail(code)).toBe(status);
        else {
          visitor.head(head("Content-Length", "0"));
          visitor.end([]);
        }
      });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const failed = await visit(port, { agent });
      expect([failed.status, failed.headers["retry-after"]]).toEqual([
        status,
        status === 503 ? "5" : undefined,
      ]);
      expect((await visit(port, { agent, path: "/next" })).status).toBe(200);
      agent.destroy();
    },
  );

  it("has no body for HEAD", async () => {
    const port = await meet((visitor) => visitor.fail("refused"));
    const { said } = await talk(port, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(said).toMatch(/^HTTP\/1\.1 503 .*\r\n\r\n$/s);
  });

  it.each([
    ["HTTP/1.1, in chunks", "HTTP/1.1", []],
    ["HTTP/1.1, with a length", "HTTP/1.1", ["Content-Length", "10"]],
    ["HTTP/1.0, to the end of the connection", "HTTP/1.0", []],
  ] as const)("after the head is a visible cut: %s", async (_, version, fields) => {
    const port = await meet(async (visitor) => {
      visitor.head(head(...fields));
      await visitor.body(Buffer.from("half"));
      visitor.fail("truncated");
    });
    const { said, reset } = await talk(port, `GET / ${version}\r\nHost: a\r\n\r\n`);
    expect(said.endsWith("0\r\n\r\n")).toBe(false);
    // Without chunks or a length an orderly end would say that this was all.
    if (version === "HTTP/1.0") expect(reset).toBe(true);
    else expect(said).toContain("half");
  });

  it("in the middle of an upload lets the visitor read it: what still comes is dropped", async () => {
    const BYTES = 20 * 1024 * 1024;
    const reader = new Reader();
    const port = await meet(async (visitor) => {
      const body = visitor.uploadBody(WAITING);
      reader.read(body, false);
      await until(() => reader.bytes > 0);
      body.lost();
      visitor.fail("origin-failed");
    });
    // Reads its answer only after it has sent everything, as many do.
    const said = await talk(
      port,
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${BYTES}\r\n\r\n${"x".repeat(BYTES)}`,
    );
    expect(said.said).toMatch(/^HTTP\/1\.1 502 /);
  });
});

describe("a request's body", () => {
  it("goes to who asks for it, and ends", async () => {
    const reader = new Reader();
    const port = await meet(async (visitor) => {
      reader.read(visitor.uploadBody(WAITING));
      await until(() => reader.ended);
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    await visit(port, { method: "POST", body: Buffer.from("hello") });
    expect(Buffer.concat(reader.pieces).toString()).toBe("hello");
  });

  it("is empty where there is none, without waiting", async () => {
    const port = await meet((visitor) => {
      expect(visitor.uploadBody(WAITING).take()).toEqual({ trailers: [] });
      expect(visitor.bodyTouched).toBe(false);
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    expect((await visit(port)).status).toBe(200);
  });

  it("waits where nobody asks for more, and goes on when somebody does", async () => {
    const BYTES = 8 * 1024 * 1024;
    const reader = new Reader();
    const port = await meet(async (visitor) => {
      reader.read(visitor.uploadBody(WAITING), false);
      await until(() => reader.ended);
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    const visited = visit(port, { method: "POST", body: Buffer.alloc(BYTES) });
    await until(() => reader.bytes > 0);
    await stillness(() => reader.bytes);
    expect(reader.bytes).toBeLessThan(BYTES);
    reader.makeRoom();
    await visited;
    expect(reader.bytes).toBe(BYTES);
  });

  it("that is refused is dropped to its end", async () => {
    const reader = new Reader();
    const port = await meet(async (visitor) => {
      const body = visitor.uploadBody(WAITING);
      reader.read(body, false);
      await until(() => reader.bytes > 0);
      body.drop();
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const asking = { method: "POST", agent, body: Buffer.alloc(4 * 1024 * 1024) };
    expect((await visit(port, asking)).status).toBe(200);
    expect(reader.ended).toBe(false);
    agent.destroy();
  });

  it("that goes to a second exchange is read by that one, though nothing of it came", async () => {
    const reader = new Reader();
    const port = await meet(async (visitor) => {
      const first = visitor.uploadBody(WAITING);
      const waited = first.next();
      first.lost();
      expect([await waited, visitor.bodyTouched]).toEqual([undefined, false]);
      reader.read(visitor.uploadBody(WAITING));
      await until(() => reader.ended);
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    await talk(
      port,
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    expect([reader.bytes, reader.ended]).toEqual([0, true]);
  });
});

describe("a visitor that leaves", () => {
  it("is noticed while it waits, and nothing is written to it", async () => {
    let left = 0;
    let visitor: Visitor | undefined;
    const port = await meet((came) => {
      visitor = came;
      came.listen({ left: () => left++ });
    });
    const gone = new AbortController();
    const visited = begin(port, { signal: gone.signal }).catch(() => {});
    await until(() => visitor !== undefined);
    gone.abort();
    await visited;
    await until(() => left === 1, "the leaving");
    visitor?.head(head());
    expect(visitor?.answered).toBe(true);
    await expect(visitor?.body(Buffer.from("x"))).rejects.toMatchObject(
      new StreamError("cancelled", "the visitor has left"),
    );
    expect(visitor?.fail("cancelled")).toBe(LEFT);
  });

  it("after it has everything has not left", async () => {
    let left = 0;
    const port = await meet((visitor) => {
      visitor.listen({ left: () => left++ });
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    await visit(port);
    await stillness(() => left);
    expect(left).toBe(0);
  });
});

describe("early hints", () => {
  const hinted = async (links: readonly string[], version = "HTTP/1.1", status = 103): Promise<string> => {
    const port = await meet((visitor) => {
      visitor.interim({ status, reason: "", fields: links.flatMap((link) => ["Link", link]) });
      visitor.head(head("Content-Length", "0"));
      visitor.end([]);
    });
    return (await talk(port, `GET / ${version}\r\nHost: a\r\nConnection: close\r\n\r\n`)).said;
  };

  it.each([
    ["one link", ["</a.css>; rel=preload; as=style"]],
    ["two fields", ["</a.css>; rel=preload", "</b.js>; rel=preload"]],
    ["two links in a field", ["</a,b.css>; rel=preload, </b.js>; rel=preload"]],
  ])("of %s are passed on", async (_, links) => {
    const said = await hinted(links);
    expect(said).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nLink: .*rel=preload/);
    for (const link of links) expect(said).toContain(link);
    expect(said).toContain("HTTP/1.1 200 OK\r\n");
  });

  it.each([
    ["without a link", [], 103],
    ["in a form of their own", ['</a>; title="a b c"'], 103],
    ["that are another interim status", ["</a.css>; rel=preload"], 102],
  ] as const)("%s are passed on, and the response comes", async (_, links, status) => {
    const [interim, final] = (await hinted(links, "HTTP/1.1", status)).split("\r\n\r\n");
    expect(interim?.split("\r\n").slice(1)).toEqual(links.map((link) => `Link: ${link}`));
    expect(interim).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(final).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it("to HTTP/1.0, which has none, are left out", async () => {
    expect(await hinted(["</a.css>; rel=preload"], "HTTP/1.0")).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});
