/**
 * Sites where everybody is logged in and every page is `no-store`: through a real pair, with made pages of a content
 * system's desk. What the first page of a new session costs, beside gzip and beside the unsafe base that another
 * session's page would be; and that it is right to the byte.
 */
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { deskPage } from "../../bench/demo-site/desk.ts";
import { visitOf } from "../../bench/demo-site/site.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const HOST = "www.example.com";
const MINUTES_PER_VISIT = 3;

/** The session's page at its `number`th visit of all; every visit differs. */
const pageOf = (session: string, number: number): Buffer =>
  Buffer.from(
    deskPage(visitOf(undefined, { seed: 1, number, moment: number * MINUTES_PER_VISIT }), session, 0),
  );

interface Desk extends AsyncDisposable {
  readonly pair: Pair;
  /** A visit; resolves with the bytes of its answer. */
  comes(session: string): Promise<number>;
}

const openDesk = async (policy: Readonly<Record<string, unknown>> = {}): Promise<Desk> => {
  let pages = 0;
  const pair = await openPair({
    serve(request, response) {
      const session = /desk=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.setHeader("Cache-Control", "no-store, no-cache, must-revalidate, private");
      response.end(pageOf(session, ++pages));
    },
    edge: {
      keys: [
        {
          id: "k",
          secret: FIXTURE_SECRET,
          hosts: [{ host: HOST, ...policy }],
        },
      ],
    },
  });
  let visits = 0;
  return {
    pair,
    async comes(session) {
      const { body } = await visit(pair.port, {
        path: "/desk/",
        headers: { "Sec-Fetch-Site": "none", Cookie: `desk=${session}` },
      });
      visits += 1;
      expect(body.equals(pageOf(session, visits)), "the page, byte for byte").toBe(true);
      const { answerBytes = Number.NaN } = await pair.visited(visits);
      return answerBytes;
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
};

const session = (name: string): string => `${name}0123456789abcdef0123456789abcdef`;

it("a new session's first page costs a tenth of gzip, and at most 2.5 times what an unsafe base would", async () => {
  await using safe = await openDesk();
  await using unsafe = await openDesk({ bases: "site" });
  for (const each of ["ann", "bob", "eve"]) {
    await safe.comes(session(each));
    await unsafe.comes(session(each));
  }
  await safe.pair.edgeLog.heard("common base");
  const [first, unsafeFirst] = [await safe.comes(session("dan")), await unsafe.comes(session("dan"))];
  const gzip = gzipSync(pageOf(session("dan"), 4), { level: 6 }).length;
  expect(first).toBeLessThan(gzip / 8);
  expect(first).toBeLessThan(unsafeFirst * 2.5);
  expect(safe.pair.originLog.count("push passed over")).toBe(0);
});

it.each([
  ["where the operator says no", { commonBases: false }],
  ["under `url`", { bases: "url" }],
])("there is none %s", async (_, policy) => {
  await using desk = await openDesk(policy);
  const costs: number[] = [];
  for (const each of ["ann", "bob", "eve", "dan"]) costs.push(await desk.comes(session(each)));
  expect(Math.min(...costs)).toBeGreaterThan(5_000);
  expect(desk.pair.edgeLog.count("common base")).toBe(0);
});

it("is erased with its host, on both sides", async () => {
  await using desk = await openDesk();
  for (const each of ["ann", "bob", "eve"]) await desk.comes(session(each));
  await desk.pair.edgeLog.heard("common base");
  expect(await desk.comes(session("dan"))).toBeLessThan(2_000);
  await desk.pair.edge.forget({ host: HOST, url: undefined });
  await desk.pair.originLog.heard("versions erased");
  expect(await desk.comes(session("flo"))).toBeGreaterThan(5_000);
});
