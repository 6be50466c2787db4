/** HTTP/1.0 without a Host: for the host of an edge that has one only; else nobody knows which site it means. */
import { expect, it } from "vitest";
import { watchLeaks } from "../../kit/leaks.ts";
import { HOST, keysFor, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const WITHOUT_HOST = "GET /page HTTP/1.0\r\n\r\n";

it("goes to the only host", async () => {
  await using edge = await startEdgeUnderTest({ settings: { keys: keysFor([HOST]) } });
  const { visitor, exchange } = await edge.ask(WITHOUT_HOST);
  exchange.answer(200, ["Content-Type", "text/plain"], "here");
  expect((await visitor.response("GET")).body.toString()).toBe("here");
});

it("is refused where there are two", async () => {
  await using edge = await startEdgeUnderTest();
  const visitor = await edge.visitor();
  visitor.send(WITHOUT_HOST);
  expect((await visitor.response("GET")).status).toBe(400);
});
