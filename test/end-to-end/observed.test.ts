import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { GrowingFile } from "../kit/growing-file.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair } from "../kit/pair.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-observed-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const twoLines = async (name: string): Promise<readonly Record<string, unknown>[]> => {
  const file = new GrowingFile(join(folder, name));
  await until(() => file.lines.length === 2, `two lines in ${name}`);
  return file.lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .sort((a, b) => (String(a.target) < String(b.target) ? -1 : 1));
};

const PAGE = "<p>a page</p>".repeat(100);

it("a visit has one line on each side, and what joins them is its id, and the request is as without one", async () => {
  const asked: unknown[] = [];
  await using pair = await openPair({
    serve: (request, response) => {
      asked.push(request.headers["x-request-id"]);
      response.writeHead(200, { "Content-Type": "text/html" }).end(PAGE);
    },
    edge: { accessLog: { file: join(folder, "edge.log"), userAgent: true } },
    origin: { accessLog: { file: join(folder, "origin.log") } },
  });
  const headers = { "User-Agent": "test", "Accept-Encoding": "identity" };
  await visit(pair.port, { path: "/a?token=t&x=1", headers });
  await visit(pair.port, { path: "/b", headers: { "X-Request-Id": "mine" } });
  const [edge, origin] = await Promise.all(["edge.log", "origin.log"].map(twoLines));
  expect(edge?.[0]).toMatchObject({
    client: "127.0.0.1",
    protocol: "HTTP/1.1",
    method: "GET",
    host: "www.example.com",
    target: "/a?token=[secret]&x=1",
    status: 200,
    bytes: PAGE.length,
    answer: "whole",
    reason: expect.any(String),
    originMs: expect.any(Number),
    linkMs: expect.any(Number),
    edgeMs: expect.any(Number),
    userAgent: "test",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
  expect(edge?.[1]).toMatchObject({ id: "mine", target: "/b" });
  expect(origin?.map(({ id }) => id)).toEqual(edge?.map(({ id }) => id));
  expect(asked).toEqual([undefined, "mine"]);
  expect(edge?.[0]?.id).toMatch(/^[0-9a-f]{8}-1$/);
  expect(origin?.[0]).toMatchObject({ client: "127.0.0.1", method: "GET", target: "/a?token=[secret]&x=1" });
  expect(origin?.[0]).not.toHaveProperty("userAgent");
});

it("without an access log at the edge a request is given no id, and no time is told", async () => {
  const asked: unknown[] = [];
  await using pair = await openPair({
    serve: (request, response) => {
      asked.push(request.headers["x-request-id"]);
      response.end("ok");
    },
    edge: { accessLog: "off" },
  });
  const { headers } = await visit(pair.port);
  expect([asked, headers["server-timing"]]).toEqual([[undefined], undefined]);
});

it("Server-Timing adds to what the site says, and tells how an answer travelled to who has the token alone", async () => {
  const token = "0123456789abcdef";
  const passedOn: unknown[] = [];
  await using pair = await openPair({
    serve: (request, response) => {
      passedOn.push(request.headers["coilgun-timing"]);
      response.writeHead(200, { "Content-Type": "text/html", "Server-Timing": "db;dur=3" }).end(PAGE);
    },
    edge: { serverTiming: { tokenFile: "timing.token" } },
    files: { "timing.token": `${token}\n` },
  });
  const timing = async (shown?: string) => {
    const headers = shown === undefined ? {} : { "Coilgun-Timing": shown };
    return (await visit(pair.port, { headers })).headers["server-timing"];
  };
  const DURATIONS = /^db;dur=3, origin;dur=\d+, link;dur=\d+, edge;dur=\d+$/;
  expect(await timing()).toMatch(DURATIONS);
  expect(await timing("0123456789abcdee")).toMatch(DURATIONS);
  expect(await timing(token)).toMatch(
    /^db;dur=3, origin;dur=\d+, link;dur=\d+, edge;dur=\d+, coilgun;desc="same, \d+ B on the link, 1300 B"$/,
  );
  expect(passedOn).toEqual([undefined, undefined, undefined]);
});
