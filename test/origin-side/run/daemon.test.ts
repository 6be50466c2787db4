import { describe, expect, it } from "vitest";
import { startOrigin } from "../../../origin-side/run/daemon.ts";
import { FIXTURE_SECRET } from "../../kit/config-fixtures.ts";
import { originConfigOf } from "../../kit/daemons.ts";
import { openOrigin } from "../../kit/fake-origin.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { openPair } from "../../kit/pair.ts";
import { begin, finish, visit } from "../../kit/visits.ts";

watchLeaks();

describe("an origin side that reads its config again", () => {
  it("asks the web servers of the routes it has now, and lets what runs finish", async () => {
    let finishing = () => {};
    await using pair = await openPair({
      serve(_, response) {
        response.writeHead(200, { "Content-Type": "image/png" });
        response.write("old ");
        finishing = () => response.end("to its end");
      },
    });
    const response = await begin(pair.port);
    await using other = await openOrigin((_, answer) => answer.end("new"));
    await pair.origin.reload(originConfigOf({ tunnel: pair.edge.tunnelAddress.port, web: other.port }));
    expect((await visit(pair.port)).body.toString()).toBe("new");
    finishing();
    const { body, cut } = await finish(response);
    expect([body.toString(), cut]).toEqual(["old to its end", false]);
    expect(pair.originLog.count("link down")).toBe(0);
  });

  it("answers no-route for a host whose route is gone", async () => {
    await using pair = await openPair({ serve: (_, response) => response.end("ok") });
    const config = originConfigOf(
      { tunnel: pair.edge.tunnelAddress.port, web: pair.web.port },
      { routes: [{ host: "other.example.com", origin: "http://127.0.0.1:1" }] },
    );
    await pair.origin.reload(config);
    expect((await visit(pair.port)).status).toBe(502);
  });
});

it("several links to one edge serve together", async () => {
  let dialled = 0;
  await using pair = await openPair({
    serve: (_, response) => response.end("ok"),
    via: async (tunnel) => {
      dialled = tunnel;
      return tunnel;
    },
  });
  const edges = [
    { address: `127.0.0.1:${dialled}`, key: { id: "k", secret: FIXTURE_SECRET }, connections: 3 },
  ];
  const config = originConfigOf({ tunnel: dialled, web: pair.web.port }, { edges, times: { drain: "1s" } });
  const more = await startOrigin(config, { log: pair.originLog });
  await pair.edgeLog.heard("link up", 4);
  const visited = await Promise.all(
    Array.from({ length: 20 }, (_, i) => visit(pair.port, { path: `/${i}` })),
  );
  expect(new Set(visited.map(({ status }) => status))).toEqual(new Set([200]));
  await more.stop();
  await pair.edgeLog.heard("link down", 3);
  expect((await visit(pair.port)).status).toBe(200);
});

it("an origin side that stops lets what runs finish, and takes no more", async () => {
  let finishing = () => {};
  await using pair = await openPair({
    edge: { times: { link: "0s" } },
    serve(_, response) {
      response.writeHead(200, { "Content-Type": "image/png" });
      response.write("slow ");
      finishing = () => response.end("but sure");
    },
  });
  const response = await begin(pair.port);
  const stopped = pair.origin.stop();
  await pair.edgeLog.heard("link draining");
  expect((await visit(pair.port)).status).toBe(503);
  finishing();
  expect((await finish(response)).body.toString()).toBe("slow but sure");
  await stopped;
});
