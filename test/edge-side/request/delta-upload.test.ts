// Requests that build on what their session sent before: frames as a hand-written origin side hears them, visitors raw sockets.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RequestBasesPolicy } from "../../../edge-side/config/request-bases-policy.ts";
import { HOLD_MS } from "../../../edge-side/request/delta-upload.ts";
import { encodeAlone } from "../../../edge-side/request/encode-delta.ts";
import { BASES_PATIENCE_MS, PATIENCE_MS } from "../../../edge-side/request/send-body.ts";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import type { Frame, StreamId } from "../../../protocol/frames/frame.ts";
import type { Hello } from "../../../protocol/frames/hello.ts";
import {
  type KeptCoding,
  MOST_ONE_PIECE_BYTES,
  requestCodingOf,
} from "../../../protocol/frames/request-coding.ts";
import { ByteBudget } from "../../../protocol/runtime/memory-budget.ts";
import { NAMED_WITHIN_MS } from "../../../protocol/store/request-body-store.ts";
import { sha } from "../../kit/coded-request.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { type EdgeHalf, type EdgeOptions, openEdgeHalf, wiredHalf } from "../../kit/halves.ts";
import { seeded } from "../../kit/random.ts";
import { RawWire } from "../../kit/raw-wire.ts";
import { answerFrame, type Heard, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { quiet, settledWork, until } from "../../kit/until.ts";

const rows = (count: number, more = ""): string =>
  JSON.stringify([
    ...Array.from({ length: count }, (_, i) => ({ id: 1000 + i, name: `row ${i}`, open: i % 3 === 0 })),
    more,
  ]);
const SAVED = rows(100);
const NEXT = rows(100, "and more");
const LATER = rows(100, "and more, and more");

let clock: FakeClock;
let memory: ByteBudget;
let edge: EdgeHalf;
let peer: ScriptedPeer;
let visitors: RawWire[];

const start = async (
  requestBases: RequestBasesPolicy = "session",
  { hello = {}, budget = 1 << 26, ...more }: { hello?: Partial<Hello>; budget?: number } & EdgeOptions = {},
): Promise<void> => {
  clock = new FakeClock();
  memory = new ByteBudget({ totalBytes: budget, shareBytes: budget });
  edge = await openEdgeHalf({ clock, memory, requestBases, originAnswerMs: 2 * HOLD_MS, ...more });
  ({ peer } = await wiredHalf(edge, "origin", hello));
};
const restart = async (...given: Parameters<typeof start>): Promise<void> => {
  await edge[Symbol.asyncDispose]();
  await start(...given);
};
beforeEach(async () => {
  visitors = [];
  await start();
});
afterEach(async () => {
  for (const { socket } of visitors) socket.destroy();
  await edge[Symbol.asyncDispose]();
  await until(() => memory.usedBytes === 0, "memory given back");
});

const JANE = "Cookie: theme=dark; session=0123456789abcdef";
const OMAR = "Cookie: theme=dark; session=fedcba9876543210";
const JSON_TYPE = "Content-Type: application/json";

interface Sent {
  readonly fields?: readonly string[];
  readonly type?: string;
  readonly who?: string;
  readonly line?: string;
}

const post = async (body: string | Buffer, sent: Sent = {}): Promise<RawWire> => {
  const { fields = [], type = JSON_TYPE, who = JANE, line = "PUT /d/1" } = sent;
  const visitor = await RawWire.dial(edge.port);
  visitors.push(visitor);
  const length = fields.some((field) => /^(Transfer-Encoding|Expect)/.test(field))
    ? []
    : [`Content-Length: ${body.length}`];
  const head = [`${line} HTTP/1.1`, "Host: www.example.com", who, type, ...length, ...fields, "", ""];
  return visitor.say(
    Buffer.concat([Buffer.from(head.join("\r\n"), "latin1"), Buffer.from(body as string, "latin1")]),
  );
};

type Open = Extract<Heard, { kind: "open" }>;
const keptIn = (open: Open): KeptCoding => {
  const coding = requestCodingOf(open.extensions);
  if (coding?.kind !== "kept") throw new Error(`not kept: ${JSON.stringify(coding)}`);
  return coding;
};
const accept = (open: { readonly streamId: number }, status = "204"): void =>
  peer.say(answerFrame(open.streamId, { kind: "passed" }, { head: [":status", status], ended: true }));
const askBody = (open: { readonly streamId: number }): Frame => ({
  kind: "askBody",
  streamId: open.streamId as StreamId,
});
/** Sent, and answered: kept from then on. */
const save = async (body: string | Buffer, sent?: Sent): Promise<Open> => {
  const visitor = await post(body, sent);
  const open = await peer.nextOf("open");
  accept(open);
  await visitor.hears("204");
  return open;
};
const expectBase = (open: Open, base: string | undefined): void =>
  expect(keptIn(open).base).toBe(base === undefined ? undefined : sha(Buffer.from(base), 8));

describe("an autosave", () => {
  it("leaves whole the first time, and as a few bytes on that the second time", async () => {
    const first = await save(SAVED);
    expect(keptIn(first)).toEqual({
      kind: "kept",
      codec: 1,
      size: SAVED.length,
      result: sha(Buffer.from(SAVED), 16),
      base: undefined,
    });
    expect(first.ended).toBe(true);
    expect((await zstdCodec.decode([], first.body, { pageBytes: SAVED.length })).toString()).toBe(SAVED);

    const second = await save(NEXT);
    expect(keptIn(second)).toMatchObject({ codec: 3, size: NEXT.length, result: sha(Buffer.from(NEXT), 16) });
    expectBase(second, SAVED);
    expect(second.body.length).toBeLessThan(40);
    const rebuilt = await spliceCodec.decode([Buffer.from(SAVED)], second.body, { pageBytes: NEXT.length });
    expect(rebuilt.toString()).toBe(NEXT);
    expectBase(await save(LATER), NEXT);
  });

  it("builds on the one before once an interim head has come, and not sooner", async () => {
    await post(SAVED);
    const first = await peer.nextOf("open");
    await post(NEXT);
    expectBase(await peer.nextOf("open"), undefined);
    peer.say(answerFrame(first.streamId, { kind: "interim" }, { head: [":status", "103"] }));
    await until(() => edge.requestBodies.count === 1, "the body to be kept");
    await post(LATER);
    expectBase(await peer.nextOf("open"), SAVED);
  });

  it("that comes in chunks, with trailers, builds on it too", async () => {
    await save(SAVED);
    const chunked = `${NEXT.length.toString(16)}\r\n${NEXT}\r\n0\r\nChecksum: abc\r\n\r\n`;
    await post(chunked, { fields: ["Transfer-Encoding: chunked"] });
    const open = await peer.nextOf("open");
    expectBase(open, SAVED);
    expect(await peer.nextOf("trailers")).toMatchObject({ head: ["Checksum", "abc"] });
    expect(await peer.nextOf("end")).toMatchObject({ how: "complete" });
  });

  it("that would not gain by compression is kept as it is, and built on", async () => {
    const noise = seeded().bytes(2_000);
    const first = await save(noise);
    expect(keptIn(first).codec).toBe(0);
    expect(first.body).toEqual(noise);
    expect((await save(noise)).body.length).toBeLessThan(16);
  });

  it("builds on one of the last eight", async () => {
    const query = (name: string) => JSON.stringify({ name, query: `query ${name} { ${rows(20)} }` });
    const names = Array.from({ length: 9 }, (_, i) => `Number${i}`);
    for (const name of names) await save(query(name), { line: "POST /graphql" });
    const last = await save(query("Number1"), { line: "POST /graphql" });
    expectBase(last, query("Number1"));
    expect(last.body.length).toBeLessThan(16);
    const gone = await save(query("Number0"), { line: "POST /graphql" });
    expect(keptIn(gone).base).not.toBe(sha(Buffer.from(query("Number0")), 8));
    expect(edge.requestBodies.count).toBe(8);
  });

  it("nine minutes later builds on nothing", async () => {
    await save(SAVED);
    await clock.advance(NAMED_WITHIN_MS + 1);
    expectBase(await save(NEXT), undefined);
  });
});

describe("never the base of another one:", () => {
  it.each<[string, Sent]>([
    ["a session's", { who: OMAR }],
    ["a session's with Authorization", { who: `${JANE}\r\nAuthorization: Bearer abc` }],
    ["a URL's", { line: "PUT /d/2" }],
    ["a query's", { line: "PUT /d/1?v=2" }],
    ["a method's", { line: "POST /d/1" }],
  ])("%s", async (_, sent) => {
    await save(SAVED);
    const open = await save(NEXT, sent);
    expectBase(open, undefined);
    expect(open.body.length).toBeGreaterThan(200);
    expectBase(await save(NEXT, sent), NEXT);
  });

  it("a restarted origin side's", async () => {
    await save(SAVED);
    peer.cut();
    await until(() => edge.pool.links.size === 0, "the link to go");
    ({ peer } = await wiredHalf(edge, "origin"));
    expectBase(await save(NEXT), undefined);
  });

  it("but of the same one's, after the link was lost", async () => {
    await save(SAVED);
    const { storeId } = peer.hello;
    peer.cut();
    await until(() => edge.pool.links.size === 0, "the link to go");
    ({ peer } = await wiredHalf(edge, "origin", { storeId }));
    expectBase(await save(NEXT), SAVED);
  });
});

describe("not kept, and coded without a base, is", () => {
  const twice = async (sent: Sent): Promise<Open> => {
    await save(SAVED, sent);
    return save(NEXT, sent);
  };
  it.each<[string, Sent]>([
    ["a request without a session", { who: "Accept: */*" }],
    ["one whose cookies are no secret", { who: "Cookie: lang=en; group=0123456789abcde" }],
    ["what another site had sent", { fields: ["Sec-Fetch-Site: cross-site"] }],
    ["what a sister site had sent", { fields: ["Sec-Fetch-Site: same-site"] }],
    ["what came from another origin", { fields: ["Origin: https://evil.example"] }],
    ["a form", { type: "Content-Type: application/x-www-form-urlencoded" }],
    ["a form in parts", { type: "Content-Type: multipart/form-data; boundary=x" }],
    ["what is coded already", { fields: ["Content-Encoding: br"] }],
    ["another type", { type: "Content-Type: application/octet-stream" }],
  ])("%s", async (_, sent) => {
    const open = await twice(sent);
    expect(["onePiece", undefined]).toContain(requestCodingOf(open.extensions)?.kind);
    expect(edge.requestBodies.count).toBe(0);
  });

  it("one of a host that did not choose it", async () => {
    await restart("off");
    expect(requestCodingOf((await twice({})).extensions)?.kind).toBe("onePiece");
  });

  it("one for an origin side that does not speak of it, of whatever version", async () => {
    await restart("session", { hello: { version: 2, features: ["push", "requests", "request-bases-2"] } });
    expect(requestCodingOf((await twice({})).extensions)?.kind).toBe("onePiece");
    await restart("session", { hello: { version: 2, features: ["requests", "request-bases", "more"] } });
    expectBase(await twice({}), SAVED);
  });

  it("one for an origin side that keeps bodies and takes none that is coded", async () => {
    await restart("session", { hello: { features: ["request-bases"] } });
    expect((await twice({})).extensions).toEqual([]);
  });

  it("one that there is no memory to hold", async () => {
    await restart("session", { budget: 3_000 });
    expect(SAVED.length).toBeGreaterThan(3_000);
    await post(SAVED);
    expect((await peer.nextOf("open")).extensions).toEqual([]);
    expect(edge.requestBodies.count).toBe(0);
  });
});

it.each(["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
  "forms build on forms where that was chosen: %s",
  async (type) => {
    await restart("session+forms");
    const sent = { type: `Content-Type: ${type}` };
    await save(SAVED, sent);
    expectBase(await save(NEXT, sent), SAVED);
  },
);

it("sessions are told apart where bases of pages are not", async () => {
  await restart("session", { policy: { bases: "site" } });
  await save(SAVED);
  expectBase(await save(NEXT, { who: OMAR }), undefined);
  expectBase(await save(NEXT), SAVED);
});

describe("asked for once more,", () => {
  let visitor: RawWire;
  let open: Open;
  const saveOnBase = async (sent?: Sent, body = NEXT): Promise<void> => {
    await save(SAVED);
    visitor = await post(body, sent);
    open = await peer.nextOf("open");
    expectBase(open, SAVED);
  };

  it("a body leaves whole on the same stream, and builds on no more of what was doubted", async () => {
    await saveOnBase();
    peer.say(askBody(open));
    const again = await peer.nextOf("data");
    expect(again.streamId).toBe(open.streamId);
    expect(again.bytes).toEqual(encodeAlone(Buffer.from(NEXT)).bytes);
    expect(await peer.nextOf("end")).toMatchObject({ streamId: open.streamId, how: "complete" });
    expect(edge.requestBodies.count).toBe(0);
    accept(open);
    await visitor.hears("204");
    expect(await edge.record(2)).toMatchObject({
      baseMissed: true,
      bodyBytes: NEXT.length,
      requestBytes: open.body.length + again.bytes.length,
    });
    expectBase(await save(LATER), NEXT);
  });

  it("its trailers leave again behind it", async () => {
    await save(SAVED);
    const chunked = `${NEXT.length.toString(16)}\r\n${NEXT}\r\n0\r\nChecksum: abc\r\n\r\n`;
    await post(chunked, { fields: ["Transfer-Encoding: chunked"] });
    open = await peer.nextOf("open");
    const half = async () => [await peer.nextOf("trailers"), await peer.nextOf("end")];
    const first = await half();
    peer.say(askBody(open));
    await peer.nextOf("data");
    expect(await half()).toEqual(first);
  });

  it("one that compression makes no shorter leaves as it is", async () => {
    const noise = seeded().bytes(2_000);
    await save(noise);
    await post(Buffer.concat([noise, Buffer.from("!")]));
    open = await peer.nextOf("open");
    peer.say(askBody(open));
    expect((await peer.nextOf("data")).bytes).toEqual(Buffer.concat([noise, Buffer.from("!")]));
  });

  it("and asked for too late, it ends the exchange, and nothing is sent", async () => {
    await saveOnBase();
    await clock.advance(HOLD_MS);
    expect(memory.usedBytes).toBe(0);
    peer.say(askBody(open));
    expect(await peer.nextOf("reset")).toMatchObject({ streamId: open.streamId, code: "unproved" });
    await visitor.hears("502");
  });

  it("and accepted late, it is served and not kept", async () => {
    await saveOnBase();
    await clock.advance(HOLD_MS);
    accept(open);
    await visitor.hears("204");
    expectBase(await save(LATER), SAVED);
  });

  it("just in time, it leaves", async () => {
    await saveOnBase();
    await clock.advance(HOLD_MS - 1);
    peer.say(askBody(open));
    await peer.nextOf("data");
  });

  it.each<[string, () => void]>([
    ["twice", () => peer.say(askBody(open), askBody(open))],
    [
      "after a head of the answer",
      () => {
        peer.say(answerFrame(open.streamId, { kind: "interim" }, { head: [":status", "103"] }));
        peer.say(askBody(open));
      },
    ],
  ])("%s, it ends the link as a bad frame", async (_, say) => {
    await saveOnBase();
    say();
    await expect(peer.ended).resolves.toMatch(/bad-frame/);
  });

  it("though it builds on nothing, it ends the link as a bad frame", async () => {
    await post(SAVED);
    peer.say(askBody(await peer.nextOf("open")));
    await expect(peer.ended).resolves.toMatch(/bad-frame/);
  });

  it("after its visitor has left, it leaves nothing behind", async () => {
    await saveOnBase();
    visitor.socket.resetAndDestroy();
    expect(await peer.nextOf("reset")).toMatchObject({ code: "cancelled" });
    expect(memory.usedBytes).toBe(0);
    peer.say(askBody(open));
    await settledWork();
    expect(peer.unheard).toBe(0);
    expectBase(await save(LATER), SAVED);
  });
});

it("a body that was under way when the host was forgotten is not kept", async () => {
  const visitor = await post(SAVED);
  const open = await peer.nextOf("open");
  edge.requestBodies.forget({ host: "www.example.com" });
  accept(open);
  await visitor.hears("204");
  expect(edge.requestBodies.count).toBe(0);
});

describe("memory for a body is given back", () => {
  it("when the first head of its answer has come", async () => {
    await post(SAVED);
    const open = await peer.nextOf("open");
    expect(memory.usedBytes).toBe(SAVED.length);
    peer.say(answerFrame(open.streamId, { kind: "interim" }, { head: [":status", "103"] }));
    await until(() => memory.usedBytes === 0);
  });

  it.each<[string, (open: Open) => void]>([
    [
      "when the exchange is reset",
      (open) => peer.say({ ...askBody(open), kind: "reset", code: "origin-failed", extensions: [] } as Frame),
    ],
    ["when the link is lost", () => peer.cut()],
  ])("%s, and nothing is kept", async (_, end) => {
    const visitor = await post(SAVED);
    end(await peer.nextOf("open"));
    await visitor.hears("502");
    expect([memory.usedBytes, edge.requestBodies.count]).toEqual([0, 0]);
  });
});

describe("a body that takes its time", () => {
  const length = [`Content-Length: ${SAVED.length}`];
  /** A head, and so much later the rest. */
  const later = async (ms: number, framing: readonly string[], rest: string): Promise<Open> => {
    const visitor = await RawWire.dial(edge.port);
    visitors.push(visitor);
    const head = ["PUT /d/1 HTTP/1.1", "Host: www.example.com", JANE, JSON_TYPE, ...framing, "", ""];
    visitor.say(head.join("\r\n"));
    await quiet(
      () => clock.timers,
      () => 0,
    );
    await clock.advance(ms);
    visitor.say(rest);
    return peer.nextOf("open");
  };

  it("is waited for and kept, where its length is known", async () => {
    const open = await later(BASES_PATIENCE_MS - 1, length, SAVED);
    expect(keptIn(open).size).toBe(SAVED.length);
  });

  it("streams once that is too long", async () => {
    const open = await later(BASES_PATIENCE_MS, length, SAVED);
    expect(requestCodingOf(open.extensions)).toEqual({ kind: "streamed" });
  });

  it("streams soon, where nobody knows how long it is", async () => {
    const chunked = `${SAVED.length.toString(16)}\r\n${SAVED}\r\n0\r\n\r\n`;
    const open = await later(PATIENCE_MS, ["Transfer-Encoding: chunked"], chunked);
    expect(requestCodingOf(open.extensions)).toEqual({ kind: "streamed" });
  });

  it("streams at once, where it expects 100", async () => {
    await post("", { fields: [...length, "Expect: 100-continue"] });
    expect(requestCodingOf((await peer.nextOf("open")).extensions)).toEqual({ kind: "streamed" });
  });

  it.each([
    ["of 64 KiB is kept", MOST_ONE_PIECE_BYTES, "kept"],
    ["of a byte more streams", MOST_ONE_PIECE_BYTES + 1, "streamed"],
  ])("%s", async (_, size, kind) => {
    await post(rows(3_000).slice(0, size));
    expect(requestCodingOf((await peer.nextOf("open")).extensions)?.kind).toBe(kind);
  });
});
