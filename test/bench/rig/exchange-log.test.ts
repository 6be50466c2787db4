/** bench/rig/exchange-log.ts: two lines make an exchange, in whichever order they come; failures reach who waits. */
import { expect, it } from "vitest";
import { ExchangeLog } from "../../../bench/rig/exchange-log.ts";

const edgeLine = (stream: number) => ({
  stream,
  link: "l1",
  host: "a.test",
  method: "GET",
  target: `/${stream}`,
  status: 200,
  answer: "delta",
  bases: 2,
  pageBytes: 1000,
  answerBytes: 10,
  decodeMs: 0.5,
  totalMs: 3,
});
const originLine = (stream: number) => ({ stream, link: "l1", answer: "delta", encodeMs: 0.7, originMs: 1 });

it.each(["edge first", "origin first"])("joins the lines of a stream, %s", async (order) => {
  const log = new ExchangeLog();
  if (order === "edge first") log.fromEdge(edgeLine(1));
  log.fromOrigin(originLine(1));
  if (order === "origin first") log.fromEdge(edgeLine(1));
  const { edge, origin } = await log.next();
  expect([edge.target, edge.answerBytes, origin?.encodeMs]).toEqual(["/1", 10, 0.7]);
});

it("waits for the second line, whatever other streams do meanwhile", async () => {
  const log = new ExchangeLog();
  const next = log.next();
  log.fromEdge(edgeLine(1));
  log.fromOrigin(originLine(3));
  log.fromEdge(edgeLine(3));
  expect((await next).edge.stream).toBe(3);
  log.fromOrigin(originLine(1));
  expect((await log.next()).edge.stream).toBe(1);
});

it("takes an exchange without a stream as complete: the edge answered it by itself", async () => {
  const log = new ExchangeLog();
  log.fromEdge({ host: "a.test", method: "GET", target: "/", status: 503 });
  expect(await log.next()).toMatchObject({ edge: { status: 503 }, origin: undefined });
});

it("stops waiting when the signal fires, and serves the next who waits", async () => {
  const log = new ExchangeLog();
  const stop = new AbortController();
  const next = log.next(stop.signal);
  stop.abort(new Error("enough"));
  await expect(next).rejects.toThrow("enough");
  const again = log.next();
  log.fromEdge(edgeLine(1));
  log.fromOrigin(originLine(1));
  expect((await again).edge.stream).toBe(1);
});

it("fails whoever waits, then and later, when a daemon is gone", async () => {
  const log = new ExchangeLog();
  const next = log.next();
  log.fail(new Error("the edge-side daemon ended"));
  await expect(next).rejects.toThrow("edge-side daemon ended");
  await expect(log.next()).rejects.toThrow("edge-side daemon ended");
  expect(() => log.throwIfFailed()).toThrow("edge-side daemon ended");
});

it.each([
  { side: "edge" as const, line: "Warning: something", says: /the edge printed an access line.*Warning/ },
  {
    side: "edge" as const,
    line: { stream: 1, target: "/", status: 200, answer: "smaller" },
    says: /the edge printed/,
  },
  { side: "origin" as const, line: { link: "l1" }, says: /the origin side printed/ },
])("says so when the $side prints what is no access line", async ({ side, line, says }) => {
  const log = new ExchangeLog();
  if (side === "edge") log.fromEdge(line);
  else log.fromOrigin(line);
  await expect(log.next()).rejects.toThrow(says);
});
