/** Hosts that no link serves: their web server is asked for everything, or for the paths that are listed, and the edge is ready without a link. */
import { connect } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type EdgeDaemon, startEdge } from "../../../edge-side/run/daemon.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { type FakeOrigin, openOrigin } from "../../kit/fake-origin.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { until } from "../../kit/until.ts";
import { visit } from "../../kit/visits.ts";

watchLeaks();

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

const OTHER = "api.example.com";

const edgeBefore = async (
  serve: FakeOrigin["serve"],
  direct: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly web: FakeOrigin; readonly edge: EdgeDaemon; readonly port: number }> => {
  const web = open.use(await openOrigin(serve));
  const origin = `http://127.0.0.1:${web.port}`;
  const settings = {
    keys: [],
    hosts: [
      { host: "www.example.com", direct: { origin, ...direct } },
      { host: OTHER, direct: origin },
    ],
  };
  const edge = await startEdge(edgeConfigOf(settings), { log: silentLog, load: () => 0 });
  open.defer(() => edge.stop());
  return { web, edge, port: edge.visitorsAddress.port };
};

it("its web server is asked without a link, and no tunnel is open", async () => {
  const { web, edge, port } = await edgeBefore((asked, response) =>
    response.end(`${asked.headers.host} ${asked.url}`),
  );
  expect((await visit(port, { path: "/a?b" })).body.toString()).toBe("www.example.com /a?b");
  expect((await visit(port, { host: OTHER })).body.toString()).toBe(`${OTHER} /`);
  expect(web.asked).toHaveLength(2);
  expect(edge.tunnelAddress.port).toBe(0);
  expect((await visit(port, { host: "unknown.example" })).status).toBe(421);
});

it("the edge is ready as soon as it listens, and its state says so", async () => {
  const { edge, port } = await edgeBefore((_, response) => response.end());
  expect((await visit(port, { path: "/.well-known/coilgun/ready" })).status).toBe(200);
  expect(edge.watched?.readiness()).toEqual({ ready: true, reasons: [] });
  expect([...(edge.watched?.hosts() ?? [])]).toEqual([
    ["www.example.com", "direct"],
    [OTHER, "direct"],
  ]);
});

it("a host that is served without a key may be the default one", async () => {
  const { web, edge, port } = await edgeBefore(({ headers }, response) => response.end(headers.host));
  const direct = `http://127.0.0.1:${web.port}`;
  const hosts = [OTHER, "*.example.com"].map((host) => ({ host, direct }));
  await edge.reload(edgeConfigOf({ keys: [], hosts, defaultHost: "www.example.com" }));
  expect((await visit(port, { host: "unknown.example" })).body.toString()).toBe("www.example.com");
});

it("only the paths that are listed are asked for", async () => {
  const { web, port } = await edgeBefore((_, response) => response.end(), { paths: ["/public"] });
  const statuses = [];
  for (const path of ["/public/a", "/private"]) statuses.push((await visit(port, { path })).status);
  expect(statuses).toEqual([200, 502]);
  expect(web.asked).toEqual(["/public/a"]);
});

it("a web server that leads back to the edge ends in 508", async () => {
  const { web, port } = await edgeBefore((_, response) => response.end());
  web.serve = async ({ headers }, response) => {
    response.statusCode = (await visit(port, { headers: { Via: headers.via } })).status;
    response.end();
  };
  expect((await visit(port)).status).toBe(508);
  expect(web.asked).toHaveLength(1);
});

it("a reload takes hosts over, and what needs a tunnel needs a restart", async () => {
  const { web, edge, port } = await edgeBefore((_, response) => response.end("here"));
  const direct = `http://127.0.0.1:${web.port}`;
  const hosts = ["new.example", "*.new.example"].map((host) => ({ host, direct }));
  const said = await edge.reload(edgeConfigOf({ keys: [], hosts }));
  expect(said).toEqual([]);
  expect((await visit(port, { host: "new.example" })).body.toString()).toBe("here");
  expect((await visit(port, { host: "a.new.example" })).body.toString()).toBe("here");
  expect((await visit(port, { host: OTHER })).status).toBe(421);
  expect(await edge.reload(edgeConfigOf())).toEqual([expect.stringMatching(/^tunnel: none -> /)]);
});

it("Incremental: each piece of request and response goes on before the next is there, without waiting", async () => {
  const heard: string[] = [];
  const { port } = await edgeBefore(async (asked, response) => {
    response.writeHead(200, { "Content-Type": "text/html", Incremental: "?1" });
    for await (const piece of asked) {
      heard.push(String(piece));
      response.write(`heard ${piece} `);
    }
    response.end();
  });
  const socket = connect(port, "127.0.0.1");
  open.defer(() => void socket.destroy());
  let said = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  socket.write(
    "POST / HTTP/1.1\r\nHost: www.example.com\r\nIncremental: ?1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
  );
  await until(() => said.includes("heard one"), "the first piece came back");
  expect(heard).toEqual(["one"]);
  socket.write("3\r\ntwo\r\n0\r\n\r\n");
  await until(() => said.includes("heard two"), "the second piece came back");
});
