/** Who may dial with a key, and whose edges may ask for a route. SPEC section "Keys". */
import { connect } from "node:net";
import { expect, it } from "vitest";
import { startOrigin } from "../../origin-side/run/daemon.ts";
import { originConfigOf } from "../kit/daemons.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair } from "../kit/pair.ts";
import { HOST, KEY } from "../kit/real-daemons.ts";
import { silentLog } from "../kit/silent-log.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

it.each([
  [["k"], 200],
  [["another"], 502],
])("a route for edges with the keys %j gives %i", async (edges, status) => {
  await using pair = await openPair({
    serve: (_, response) => response.end("page"),
    edge: { keys: [{ ...KEY, hosts: [HOST] }] },
  });
  const [route] = [{ host: HOST, origin: `http://127.0.0.1:${pair.web.port}`, edges }];
  await using other = await openPair({
    serve: (_, response) => response.end("page"),
    origin: { routes: [route] },
  });
  expect((await visit(other.port)).status).toBe(status);
});

it("a link beyond the `links` of its key is closed, and told of, and the others serve on", async () => {
  await using pair = await openPair({
    serve: (_, response) => response.end("page"),
    edge: { keys: [{ ...KEY, hosts: [HOST], links: 1 }] },
  });
  const config = originConfigOf({ tunnel: pair.edge.tunnelAddress.port, web: pair.web.port });
  const second = await startOrigin(config, { log: silentLog });
  try {
    await pair.edgeLog.heard("limit reached");
    expect(pair.edgeLog.count("link up")).toBe(1);
    expect((await visit(pair.port)).status).toBe(200);
  } finally {
    await second.stop();
  }
});

it("a dial beyond those of its address that may wait to prove themselves is closed, and told of", async () => {
  await using pair = await openPair({
    serve: (_, response) => response.end("page"),
    edge: { limits: { pendingLinksPerAddress: 1 } },
  });
  const knocks = [1, 2].map(() => connect(pair.edge.tunnelAddress.port, "127.0.0.1"));
  try {
    await pair.edgeLog.heard("limit reached");
    expect(pair.edgeLog.lines.find(({ event }) => event === "limit reached")?.fields).toMatchObject({
      limit: "limits.pendingLinksPerAddress",
      address: "127.0.0.1",
    });
    expect((await visit(pair.port)).status).toBe(200);
  } finally {
    for (const knock of knocks) knock.destroy();
  }
});
