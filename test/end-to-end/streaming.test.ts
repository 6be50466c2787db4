/**
 * Answers that are made while they are sent: every part is with the visitor before the web server makes the next one. The web
 * server of these tests waits for the visitor, so one part held back anywhere stops them for good.
 */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { Random } from "../kit/random.ts";
import { Reading } from "../kit/reading.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";
import { until } from "../kit/until.ts";
import { begin } from "../kit/visits.ts";

watchLeaks();

let secure: SecurePair;
let response: ServerResponse | undefined;
let seed = 1;
beforeAll(async () => {
  secure = await openSecurePair({ serve() {} });
  secure.pair.web.serve = (request, made) => {
    response = made;
    const type = String(request.headers["x-type"]);
    // No byte of the body yet: the head has to get through alone.
    made.writeHead(200, { "Content-Type": type, "Cache-Control": "no-cache" }).flushHeaders();
  };
});
afterAll(() => secure[Symbol.asyncDispose]());

interface Asked {
  readonly path: string;
  readonly type: string;
  readonly coding?: string;
}

interface Answer {
  readonly reading: Reading;
  readonly type: string;
  readonly coding: string | undefined;
  /** The web server's end of it. */
  readonly made: ServerResponse;
}

const VISITORS = {
  "HTTP/1.1": async (
    { path, type, coding = "identity" }: Asked,
    _: AsyncDisposableStack,
  ): Promise<Answer> => {
    const headers = { "X-Type": type, "Accept-Encoding": coding };
    const got = await begin(secure.http, { path, headers });
    const options = got.headers["content-encoding"];
    const reading = new Reading(got, options);
    return { reading, type: got.headers["content-type"] ?? "", coding: options, made: await madeResponse() };
  },
  "HTTP/2": async (
    { path, type, coding = "identity" }: Asked,
    undo: AsyncDisposableStack,
  ): Promise<Answer> => {
    const visitor = undo.use(await openHttp2(secure));
    const got = await visitor.begin({ ":path": path, "x-type": type, "accept-encoding": coding });
    const options = got.fields["content-encoding"] as string | undefined;
    const reading = new Reading(got.stream, options);
    return { reading, type: String(got.fields["content-type"]), coding: options, made: await madeResponse() };
  },
} as const;

const madeResponse = async (): Promise<ServerResponse> => {
  await until(() => response !== undefined, "the request at the web server");
  const made = response as ServerResponse;
  response = undefined;
  return made;
};

describe.each(Object.entries(VISITORS))("to a visitor of %s", (version, ask) => {
  it.each(["identity", "br, gzip"])(
    "each of fifty events is there before the next is made (Accept-Encoding: %s)",
    async (coding) => {
      await using undo = new AsyncDisposableStack();
      const events = "text/event-stream";
      const { reading, made, ...head } = await ask({ path: "/events", type: events, coding }, undo);
      expect(head).toEqual({ type: events, coding: undefined });
      for (let n = 0; n < 50; n++) {
        made.write(`id: ${n}\ndata: event ${n}\n\n`);
        await reading.upTo(`event ${n}\n\n`);
      }
      made.end();
      expect((await reading.end()).toString().match(/^data/gm)).toHaveLength(50);
      expect(reading.cut).toBe(false);
    },
  );

  it.each(["identity", "br", "zstd", "gzip"])(
    "each part of a page is there before the next is made, in a delta of few bytes where it was seen before (%s)",
    async (coding) => {
      // No other test's page has them, so none can be its base.
      const noise = new Random(seed++);
      const parts = Array.from({ length: 12 }, () => `<p>${noise.bytes(1500).toString("base64")}</p>`);
      const path = `/slow/${version}/${coding}`;
      for (let visit = 0; visit < 2; visit++) {
        await using undo = new AsyncDisposableStack();
        const before = secure.pair.web.asked.length;
        const { reading, made, ...head } = await ask({ path, type: "text/html", coding }, undo);
        expect(head.coding).toBe(coding === "identity" ? undefined : coding);
        for (const part of parts) {
          made.write(part);
          await reading.upTo(part);
        }
        made.end(`<p>visit ${visit}</p>`);
        const page = `${parts.join("")}<p>visit ${visit}</p>`;
        expect((await reading.end()).toString()).toBe(page);
        const { answer, answerBytes = 0, pageBytes } = await secure.pair.visited(before + 1);
        expect(pageBytes).toBe(page.length);
        // 18 KB of noise; the second time thirteen flushes with proofs and hardly anything in them.
        if (visit === 0) expect(answerBytes).toBeGreaterThan(page.length / 2);
        else expect([answer, answerBytes < page.length / 20]).toEqual(["delta", true]);
      }
    },
  );

  it("parts of a body that no codec helps are there before the next is made", async () => {
    await using undo = new AsyncDisposableStack();
    const { reading, made } = await ask({ path: "/film", type: "video/mp4", coding: "br" }, undo);
    for (let n = 0; n < 20; n++) {
      made.write(`frame ${n};`);
      await reading.upTo(`frame ${n};`);
    }
    made.end();
    expect((await reading.end()).length).toBeGreaterThan(0);
  });
});
