/** Web servers that label plain bytes with a coding, and what is asked of them then. SPEC section "Encodings". */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Route } from "../../../origin-side/config/route-config.ts";
import { MislabellingRoutes, REMEMBERED_MS } from "../../../origin-side/exchange/mislabelling-routes.ts";
import type { Log } from "../../../protocol/daemon/log.ts";
import { fieldOf } from "../../../protocol/http/head.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { type RawConnection, RawOrigin } from "../../kit/raw-origin.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { routeTo } from "../../protocol/asking.ts";
import { Answering } from "../answering.ts";

watchLeaks();

const PAGE = Buffer.from(`<html>${"<p>a pad".repeat(100)}</html>`);
const BROWSER = ["Accept-Encoding", "gzip, deflate, br;q=0.9"];

const open = async (askEncoded: Route["askEncoded"] = "no") => {
  const undo = new AsyncDisposableStack();
  const origin = undo.use(await RawOrigin.listen());
  const clock = new FakeClock();
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (event) => lines.push(event) };
  const mislabelling = new MislabellingRoutes({ clock, log });
  const answering = undo.use(await Answering.through(routeTo(origin.port, { askEncoded }), { mislabelling }));
  return { origin, clock, lines, answering, [Symbol.asyncDispose]: () => undo.disposeAsync() };
};

const acceptEncoding = async (connection: RawConnection): Promise<string | undefined> =>
  (await connection.head()).find((line) => /^accept-encoding:/i.test(line))?.slice(17);

const answer = (connection: RawConnection, coding: string, body: Buffer, fields: readonly string[] = []) => {
  const said = [`Content-Encoding: ${coding}`, "Content-Type: text/html", `Content-Length: ${body.length}`];
  connection.write(`HTTP/1.1 200 OK\r\n${[...said, ...fields].join("\r\n")}\r\n\r\n`);
  connection.socket.end(body);
};

describe("plain bytes that are told to be coded", () => {
  it.each(["gzip", "x-gzip", "zstd"])(
    "(%s) make a GET be asked again, with the visitor's codings",
    async (coding) => {
      await using it = await open();
      const asked = it.answering.ask("GET", "/pad", { fields: BROWSER });
      const first = await it.origin.next();
      expect(await acceptEncoding(first)).toBe("identity");
      answer(first, coding, PAGE);
      const second = await it.origin.next();
      expect(await acceptEncoding(second)).toBe(BROWSER[1]);
      answer(second, "gzip", gzipSync(PAGE));
      const { body, head, how } = await asked.answer();
      expect([body.equals(PAGE), fieldOf(head.fields, "content-encoding"), how]).toEqual([
        true,
        undefined,
        "complete",
      ]);
      expect(it.lines).toHaveLength(1);
    },
  );

  it("are asked for in the visitor's codings at once, for a time; the log says so once each time", async () => {
    await using it = await open();
    const visit = async (first: "as it was" | "mislabelled"): Promise<string | undefined> => {
      const asked = it.answering.ask("GET", "/pad", { fields: BROWSER });
      const connection = await it.origin.next();
      const said = await acceptEncoding(connection);
      if (first === "mislabelled") {
        answer(connection, "gzip", PAGE);
        const again = await it.origin.next();
        await again.head();
        answer(again, "gzip", gzipSync(PAGE));
      } else answer(connection, "gzip", gzipSync(PAGE));
      expect((await asked.answer()).body.equals(PAGE)).toBe(true);
      return said;
    };
    expect(await visit("mislabelled")).toBe("identity");
    expect(await visit("as it was")).toBe(BROWSER[1]);
    await it.clock.advance(REMEMBERED_MS);
    expect(it.lines).toHaveLength(1);
    expect(await visit("mislabelled")).toBe("identity");
    expect(it.lines).toHaveLength(2);
  });

  it("that come again pass with their label, and are asked for no third time", async () => {
    await using it = await open();
    const asked = it.answering.ask("GET", "/pad", { fields: BROWSER });
    for (const _ of [1, 2]) {
      const connection = await it.origin.next();
      await connection.head();
      answer(connection, "gzip", PAGE);
    }
    const { body, form, head } = await asked.answer();
    expect([form, body.equals(PAGE)]).toEqual(["passed", true]);
    expect(fieldOf(head.fields, "content-encoding")).toBe("gzip");
    expect(fieldOf(head.fields, "content-length")).toBe(String(PAGE.length));
  });

  it.each<[string, string, readonly string[], Route["askEncoded"]]>([
    ["POST", "nothing may be repeated", BROWSER, "no"],
    ["GET", "the visitor's own codings were asked for: none", [], "no"],
    ["GET", "the visitor's own codings were asked for: identity", ["Accept-Encoding", "identity"], "no"],
    ["GET", "the visitor's own codings were asked for, by setting", BROWSER, "visitor"],
    ["GET", "they are a part", [...BROWSER, "Range", "bytes=0-"], "no"],
  ])("of %s pass with their label where %s", async (method, _, fields, askEncoded) => {
    await using it = await open(askEncoded);
    const asked = it.answering.ask(method, "/pad", { fields });
    const connection = await it.origin.next();
    await connection.head();
    answer(connection, "gzip", PAGE);
    const { body, form, head } = await asked.answer();
    expect([form, body.equals(PAGE), fieldOf(head.fields, "content-encoding")]).toEqual([
      "passed",
      true,
      "gzip",
    ]);
    expect(it.lines).toEqual([]);
  });
});

it.each([
  ["gzip", gzipSync(PAGE)],
  ["zstd", zstdCompressSync(PAGE)],
  ["zstd", Buffer.concat([Buffer.from("532a4d1801000000ff", "hex"), zstdCompressSync(PAGE)])],
  ["gzip", Buffer.alloc(0)],
  ["br", PAGE],
])("what may be %s is not asked for again", async (coding, bytes) => {
  await using it = await open();
  const asked = it.answering.ask("GET", "/pad", { fields: BROWSER });
  const connection = await it.origin.next();
  await connection.head();
  answer(connection, coding, bytes);
  await asked.answer();
  expect(it.lines).toEqual([]);
});

describe("the tag that a visitor holds weakly", () => {
  /** What the web server is asked with, once it has given `tag` for a page of this type. */
  const askedAfter = async (tag: string, type: string, target = "/"): Promise<string | undefined> => {
    await using it = await open();
    const before = it.answering.ask("GET", "/", { fields: BROWSER });
    const first = await it.origin.next();
    await first.head();
    const body = PAGE.toString();
    first.end(
      `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nETag: ${tag}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await before.answer();
    const held = tag.replace(/^"/, 'W/"');
    const again = it.answering.ask("GET", target, { fields: [...BROWSER, "If-None-Match", held] });
    const second = await it.origin.next();
    const asked = (await second.head()).find((line) => line.startsWith("If-None-Match"))?.slice(15);
    second.end(`HTTP/1.1 304 Not Modified\r\nETag: ${tag}\r\n\r\n`);
    const { head } = await again.answer();
    expect([head.status, fieldOf(head.fields, "etag")]).toEqual([304, held]);
    return asked;
  };

  it.each([
    ["goes back strong, as it was given", '"v1"', "text/html", "/", '"v1"'],
    ["goes back weak, as it was given", 'W/"v1"', "text/html", "/", 'W/"v1"'],
    ["goes back without quotes, as it was given", "v1", "text/html", "/", "v1"],
    ["of another URL goes back weak", '"v1"', "text/html", "/other", 'W/"v1"'],
    ["of a type that nobody codes goes back weak", '"v1"', "image/png", "/", 'W/"v1"'],
  ])("%s", async (_, tag, type, target, sent) => {
    expect(await askedAfter(tag, type, target)).toBe(sent);
  });
});
