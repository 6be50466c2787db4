/**
 * A page that its web server makes slowly, on a clock of the origin side that a test moves: how long anything is waited for is seen in
 * how far the clock had to move before the visitor has it. And bodies of a type that says nothing of them.
 */

import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PAUSE_MS, WAIT_MS } from "../../origin-side/answer/buffer-body.ts";
import { PACE_MS } from "../../origin-side/answer/send-streamed.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import { type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import { type EdgeHalf, joinHalves, openEdgeHalf, openOriginHalf } from "../kit/halves.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { Random } from "../kit/random.ts";
import { Reading } from "../kit/reading.ts";
import { settledWork, until } from "../kit/until.ts";
import { begin, visit } from "../kit/visits.ts";

watchLeaks();

let undo: AsyncDisposableStack;
let clock: FakeClock;
let web: FakeOrigin;
let edge: EdgeHalf;
let fields: Readonly<Record<string, string>>;
let made: ServerResponse | undefined;
beforeEach(async () => {
  undo = new AsyncDisposableStack();
  clock = new FakeClock();
  fields = {};
  made = undefined;
  web = undo.use(
    await openOrigin((_, response) => {
      response.writeHead(200, { "Content-Type": "text/html", ...fields }).flushHeaders();
      made = response;
    }),
  );
  edge = undo.use(await openEdgeHalf({ policy: { bases: "url" } }));
  await joinHalves(edge, undo.use(await openOriginHalf({ port: web.port, clock })));
});
afterEach(() => undo.disposeAsync());

const noise = new Random(11);
const PIECES = Array.from({ length: 5 }, () => `<p>${noise.bytes(1500).toString("base64")}</p>`);
const PAGE_BYTES = PIECES.join("").length;

interface Asked {
  /** The visitor's end, once the head is there. */
  readonly response: Promise<IncomingMessage>;
  readonly web: ServerResponse;
  isThere: boolean;
}

const ask = async (headers: Readonly<Record<string, string>> = {}): Promise<Asked> => {
  const response = begin(edge.port, { path: "/slow", headers });
  await until(() => made !== undefined, "the request at the web server");
  const asked = { response, web: made as ServerResponse, isThere: false };
  made = undefined;
  void response.then(() => {
    asked.isThere = true;
  });
  return asked;
};

/** Each piece has to be with the visitor before the next one is written. */
const serveSlowly = async ({ response, web }: Asked): Promise<void> => {
  const got = await response;
  const reading = new Reading(got, got.headers["content-encoding"]);
  for (const piece of PIECES) {
    web.write(piece);
    await arrived(reading, piece);
    await clock.advance(2 * WAIT_MS);
  }
  web.end();
  expect((await reading.end()).toString()).toBe(PIECES.join(""));
  expect(reading.cut).toBe(false);
};

const waitsForBody = () => until(() => clock.dueIn <= WAIT_MS, "the wait for a body");

/** The clock moves only once a pause is what is waited for: until then the piece is on its way. Resolves with how far it moved. */
const arrived = async (reading: Reading, piece: string): Promise<number> => {
  const isThere = () => reading.body.toString().endsWith(piece);
  for (let moved = 0; ; moved += PAUSE_MS) {
    await until(() => isThere() || clock.dueIn <= PACE_MS, "the piece, or a pause");
    if (isThere()) return moved;
    expect(moved, "milliseconds without the piece").toBeLessThanOrEqual(100 * PAUSE_MS);
    await clock.advance(PAUSE_MS);
  }
};

describe("the head of a page that is made slowly", () => {
  it("waits for its body, but not for long", async () => {
    const asked = await ask();
    await waitsForBody();
    await clock.advance(WAIT_MS - 1);
    await settledWork();
    expect(asked.isThere).toBe(false);
    await clock.advance(1);
    await serveSlowly(asked);
  });

  it.each([
    ["the visitor says so", { Incremental: "?1" }, {}],
    ["the web server says so", {}, { Incremental: "?1" }],
    ["the web server says so to nginx", {}, { "X-Accel-Buffering": "no" }],
  ])("does not wait at all where %s", async (_, ofVisitor, ofServer) => {
    fields = ofServer;
    await serveSlowly(await ask(ofVisitor));
  });

  it.each(["identity", "br", "gzip", "zstd"])(
    "does not wait again where waiting was in vain, and its pieces are a small delta (%s)",
    async (coding) => {
      const first = await ask({ "Accept-Encoding": coding });
      await waitsForBody();
      await clock.advance(WAIT_MS);
      await serveSlowly(first);
      await serveSlowly(await ask({ "Accept-Encoding": coding }));
      const [{ answerBytes: whole = 0 }, later] = [await edge.record(1), await edge.record(2)];
      expect(whole).toBeGreaterThan(PAGE_BYTES / 2);
      expect([later.answer, later.bases, (later.answerBytes ?? 0) < 200]).toEqual(["delta", 1, true]);
    },
  );

  it("waits again once its body came in time", async () => {
    const first = await ask();
    await waitsForBody();
    await clock.advance(WAIT_MS);
    await serveSlowly(first);
    const quick = await ask();
    await quick.response; // it did not wait
    quick.web.end(PIECES.join(""));
    await new Reading(await quick.response).end();
    await edge.record(2);
    const third = await ask();
    await settledWork();
    expect(third.isThere).toBe(false);
    third.web.end(PIECES.join(""));
    await new Reading(await third.response).end();
    expect((await edge.record(3)).answer).toBe("same");
  });
});

describe("pieces of a page that is made slowly", () => {
  /** How long each waited that is written as soon as the one before it is there, the third after a rest; then the end, which waits for nothing. */
  const waits = async ({ response, web }: Asked): Promise<number[]> => {
    const got = await response;
    const reading = new Reading(got, got.headers["content-encoding"]);
    const waited: number[] = [];
    await clock.advance(2 * PACE_MS);
    for (const [at, piece] of PIECES.entries()) {
      if (at === 2) await clock.advance(PACE_MS);
      web.write(piece);
      if (at < PIECES.length - 1) waited.push(await arrived(reading, piece));
    }
    web.end();
    expect((await reading.end()).toString()).toBe(PIECES.join(""));
    return waited;
  };

  it("wait for others while the last message is young, for the first, and for the last of all, nobody waits", async () => {
    const asked = await ask();
    await waitsForBody();
    await clock.advance(WAIT_MS);
    expect(await waits(asked)).toEqual([PAUSE_MS, PACE_MS, PAUSE_MS, PACE_MS]);
  });

  it("do not wait where the web server says so", async () => {
    fields = { "X-Accel-Buffering": "no" };
    expect(await waits(await ask())).toEqual(Array(PIECES.length - 1).fill(PAUSE_MS));
  });
});

describe("a body whose type says nothing", () => {
  const JSON_TEXT = Buffer.from(
    JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, at: noise.bytes(9).toString("base64") }))),
  );
  const later = (body: Buffer): Buffer => Buffer.concat([body, Buffer.from("\n/* later */")]);

  const load = async (type: string, body: Buffer) => {
    web.serve = (_, response) => {
      response.setHeader("ETag", '"1"').setHeader("Accept-Ranges", "bytes");
      response.setHeader("Content-Type", type).end(body);
    };
    const { headers, body: came } = await visit(edge.port, {
      path: "/export",
      headers: { "Accept-Encoding": "br, gzip" },
    });
    expect(came.equals(body)).toBe(true);
    // Exactly the web server's: nobody else compresses these types, and downloads of them go on in parts.
    expect([headers["content-type"], headers["content-encoding"], headers.etag]).toEqual([
      type,
      undefined,
      '"1"',
    ]);
    expect([headers["accept-ranges"], headers["content-length"]]).toEqual(["bytes", String(body.length)]);
    return edge.record(edge.records.length);
  };

  it.each(["application/octet-stream", "binary/octet-stream", "application/x-of-nobody"])(
    "%s: text crosses the link coded, and then as a delta",
    async (type) => {
      const first = await load(type, JSON_TEXT);
      expect([first.answer, (first.answerBytes ?? 0) < JSON_TEXT.length * 0.75]).toEqual(["whole", true]);
      const second = await load(type, later(JSON_TEXT));
      expect([second.answer, (second.answerBytes ?? 0) < 100]).toEqual(["delta", true]);
    },
  );

  it.each([
    ["gzip", gzipSync(JSON_TEXT)],
    ["noise", randomBytes(8_000)],
  ])("%s passes as it is, and is not remembered", async (_, body) => {
    for (let n = 0; n < 2; n++) {
      const { answer, answerBytes = 0 } = await load("application/octet-stream", body);
      expect([answer, answerBytes - body.length < 8]).toEqual(["passed", true]);
    }
    expect(edge.store.bytes).toBe(0);
  });
});
