/** Bodies in pieces of one byte: a connection that brings very many rests until others had their turn, and nothing of it is lost. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { chunkedCrumbs, crumbsOf } from "../../../bench/pair/crumbs-body.ts";
import { postOverHttp2 } from "../../../bench/pair/crumbs-http2.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { until } from "../../kit/until.ts";
import { type EdgeUnderTest, HOST, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const { certificate, privateKey } = makeAuthority().issue({ name: HOST });
const TLS_PORT = 1;
/** More than two reads of a socket bring. */
const BODY = crumbsOf(25_000);
const TYPE = "image/x-crumbs";

let edge: EdgeUnderTest;
const clock = new FakeClock();
beforeAll(async () => {
  const https = { listen: "127.0.0.1:0", certificate: "site.pem", privateKey: "site.key" };
  edge = await startEdgeUnderTest({
    settings: { visitors: ["127.0.0.1:0", https] },
    files: { "site.pem": certificate, "site.key": privateKey },
    clock,
  });
});
afterAll(() => edge[Symbol.asyncDispose]());

const overHttp1 = async (): Promise<Buffer> => {
  const visitor = await edge.visitor();
  visitor.send(
    request("POST /", ["Transfer-Encoding: chunked", `Content-Type: ${TYPE}`]),
    chunkedCrumbs(BODY),
  );
  return (await visitor.response()).body;
};

const overHttp2 = (): Promise<Buffer> =>
  postOverHttp2(`127.0.0.1:${edge.port(TLS_PORT)}`, HOST, { path: "/", type: TYPE }, BODY, undefined);

it.each([
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
])("over %s", async (_, post) => {
  const answered = post();
  const exchange = await edge.origin.next();
  await until(() => exchange.bodyBytes > 0);
  for (let turn = 0; turn < 50; turn++) await settle();
  expect(exchange.bodyBytes).toBeLessThan(BODY.length);
  let over = false;
  const ended = exchange.ended.finally(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  expect((await ended).body).toEqual(BODY);
  exchange.answer(200, [], "taken");
  expect((await answered).toString()).toBe("taken");
});
