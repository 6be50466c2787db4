import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { loadEdgeConfig } from "../../../edge-side/config/load-edge-config.ts";
import { startEdge } from "../../../edge-side/run/daemon.ts";
import { type CheckOptions, checkOrigin, EACH_MS } from "../../../origin-side/command/check.ts";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import { type Finding, printFinding } from "../../../protocol/daemon/findings.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { makeLinkKey, secretText } from "../../../protocol/transport/key.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { FIXTURE_SECRET } from "../../kit/config-fixtures.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { HOST, openTunnel } from "../../kit/tunnel.ts";
import { serveAt } from "../../protocol/admin/watched.ts";

watchLeaks();

const folder = mkdtempSync(join(tmpdir(), "coilgun-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
});

const listening = async (server: Server): Promise<number> => {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, HOST);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};
const webServer = (answer: RequestListener) => listening(createHttpServer(answer));

/** A port where nothing listens: it was free a moment ago. */
const closedPort = async (): Promise<number> => {
  const port = await listening(createServer());
  const server = servers.pop();
  server?.close();
  if (server) await once(server, "close");
  return port;
};

const edgeAccepts = async () => {};
const webServerAnswers = () => webServer((_, response) => response.end());

const check = (
  at: {
    readonly origin: number;
    readonly edge?: number;
    readonly secret?: string;
    readonly mode?: string;
    readonly more?: string;
  },
  options: CheckOptions = { clock: systemClock, tryEdge: edgeAccepts },
) => {
  const file = join(folder, "origin.yaml");
  writeFileSync(
    file,
    `edges: [{ address: "${HOST}:${at.edge ?? 1}", mode: ${at.mode ?? "psk"}, key: { id: k, secret: ${at.secret ?? FIXTURE_SECRET} } }]
routes: [{ host: www.example.com, origin: "http://${HOST}:${at.origin}" }]
${at.more ?? ""}`,
  );
  chmodSync(file, 0o600);
  return checkOrigin(file, options);
};
const troubles = (findings: readonly Finding[]) =>
  findings.filter(({ outcome }) => outcome !== "ok").map((finding) => printFinding(finding));

const answerIn = (findings: readonly Finding[]) => findings.find(({ what }) => what.includes("answers HEAD"));

describe("check of web servers", () => {
  it("asks with the route's host, and is content with an answer", async () => {
    const asked: (string | undefined)[] = [];
    const origin = await webServer(({ method, url, headers }, response) => {
      asked.push(`${method} ${url} ${headers.host}`);
      response.end();
    });
    const findings = await check({ origin });
    expect(troubles(findings)).toEqual([]);
    expect(asked).toEqual(["HEAD", "GET", "GET"].map((method) => `${method} / www.example.com`));
    expect(answerIn(findings)?.what).toContain("answers HEAD / with 200");
    expect(findings.map(({ what }) => what)).toContain(
      "memory: at most 1024 MiB and 40 MiB a link, 640 KiB a request under way",
    );
  });

  it("finds one that is not there", async () => {
    const found = troubles(await check({ origin: await closedPort() }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^problem .*nothing listens there\n.*start the web server/);
  });

  it("finds one that speaks something else", async () => {
    const origin = await listening(createServer((socket) => socket.end("220 mail.example.com ESMTP\r\n")));
    expect(troubles(await check({ origin }))[0]).toMatch(/^problem .*does not answer in HTTP/);
  });

  it("finds one that hangs up", async () => {
    const origin = await listening(createServer((socket) => socket.destroy()));
    expect(troubles(await check({ origin }))[0]).toMatch(/^problem .*cannot be asked \(ECONNRESET\)/);
  });

  it("does not wait for one that is silent beyond its bound", async () => {
    const silent = createServer();
    const origin = await listening(silent);
    const clock = new FakeClock();
    const accepted = once(silent, "connection");
    const checking = check({ origin }, { clock, tryEdge: edgeAccepts });
    await accepted;
    await clock.advance(EACH_MS);
    expect(troubles(await checking)[0]).toMatch(/^problem .*does not answer within 10000 ms/);
  });

  it("says what one answered that does not know what to make of a handshake, and waits no longer than its bound for more", async () => {
    const clock = new FakeClock();
    const handshake = Promise.withResolvers<void>();
    const origin = await listening(
      createServer((socket) =>
        socket.on("data", (bytes) => {
          if (bytes.includes("HTTP/1.1"))
            socket.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
          else handshake.resolve();
        }),
      ),
    );
    const checking = check({ origin }, { clock, tryEdge: edgeAccepts });
    await handshake.promise;
    await clock.advance(EACH_MS);
    expect(troubles(await checking)[0]).toMatch(/^warning .* with 400/);
  });

  it.each([
    [200, {}, "ok"],
    [404, {}, "ok"],
    [405, {}, "ok"],
    [501, {}, "ok"],
    [301, { location: "http://www.example.com/de/" }, "ok"],
    [301, { location: "https://other.example.com/" }, "ok"],
    [301, { location: "https://www.example.com/" }, "warning"],
    [400, {}, "warning"],
    [421, {}, "warning"],
    [500, {}, "warning"],
    [503, {}, "warning"],
  ])("takes %d %j as %s", async (status, headers, outcome) => {
    const origin = await webServer((_, response) => response.writeHead(status, headers).end());
    const findings = await check({ origin });
    expect(answerIn(findings)?.outcome, findings.map(printFinding).join("\n")).toBe(outcome);
  });
});

describe("check of connections", () => {
  const advised = async (field: Readonly<Record<string, string>>, connections = "") => {
    const port = await webServer((_, response) => response.writeHead(200, field).end());
    const file = join(folder, "connections.yaml");
    const edges = `edges: [{ address: "${HOST}:1", key: { id: k, secret: ${FIXTURE_SECRET} } }]`;
    const route = `{ host: a.example, origin: "http://${HOST}:${port}"${connections} }`;
    writeFileSync(file, `${edges}\nroutes: [${route}]`, { mode: 0o600 });
    return troubles(await checkOrigin(file, { clock: systemClock, tryEdge: edgeAccepts }));
  };

  it.each([
    [{ Server: "Apache/2.4.71 (Debian)" }, /is Apache, .* the 128 of the route\n.*MaxRequestWorkers/],
    [{ Server: "gunicorn" }, /is gunicorn, .*\n.*workers times threads/],
    [{ Server: "waitress" }, /is Waitress, .*\n.*connection_limit/],
    [{ "X-Runtime": "0.014513" }, /is Rails, .*\n.*Puma's threads times workers/],
  ])("says of %j what to set, unless it is set", async (field, words) => {
    expect(await advised(field)).toEqual([expect.stringMatching(words)]);
    expect(await advised(field, ", connections: 5")).toEqual([]);
  });

  it.each([
    { Server: "nginx/1.22.1" },
    { Server: "Apache-Coyote/1.1" },
    { Server: "nginx", "X-Runtime": "0.01" },
    {},
  ])("says nothing of %j", async (field) => {
    expect(await advised(field)).toEqual([]);
  });
});

describe("check of web servers elsewhere", () => {
  const checkRoute = (route: string) => {
    const file = join(folder, "routes.yaml");
    const edges = `edges: [{ address: "${HOST}:1", key: { id: k, secret: ${FIXTURE_SECRET} } }]`;
    writeFileSync(file, `${edges}\nroutes: [${route}]`, { mode: 0o600 });
    return checkOrigin(file, { clock: systemClock, tryEdge: edgeAccepts });
  };

  it("asks one at a unix socket, by the route's path and hostHeader", async () => {
    const path = join(folder, "app.sock");
    const asked: string[] = [];
    const server = createHttpServer(({ method, url, headers }, response) => {
      asked.push(`${method} ${url} ${headers.host}`);
      response.end();
    });
    servers.push(server);
    server.listen(path);
    await once(server, "listening");
    const route = `{ host: a.example, path: /api, origin: "unix:${path}", hostHeader: inner.example }`;
    expect(troubles(await checkRoute(route))).toEqual([]);
    expect(asked).toEqual(["HEAD", "GET", "GET"].map((method) => `${method} /api inner.example`));
  });

  it.each([
    ["unix:/nowhere/app.sock", /nothing listens there/],
    ["https://127.0.0.1:PORT", /cannot be asked over TLS \(ERR_SSL/],
  ])("finds %s out of order", async (origin, words) => {
    const port = await webServerAnswers();
    const found = troubles(
      await checkRoute(`{ host: a.example, origin: "${origin.replace("PORT", String(port))}" }`),
    );
    expect(found).toEqual([expect.stringMatching(words)]);
  });

  const tlsServer = (answer: RequestListener) => {
    const { certificate, privateKey } = makeAuthority().issue({ name: "a.example" });
    return createHttpsServer({ cert: certificate, key: privateKey }, answer);
  };

  it("says of one that hangs up on plain HTTP that it speaks TLS", async () => {
    const port = await listening(tlsServer((_, response) => response.end()));
    const found = troubles(await checkRoute(`{ host: a.example, origin: "http://127.0.0.1:${port}" }`));
    expect(found).toEqual([expect.stringMatching(/speaks TLS, and is asked in plain HTTP\n.*https:\/\//)]);
  });

  it("says of one that answers plain HTTP with 400, as nginx does, that it speaks TLS", async () => {
    const inner = await listening(tlsServer((_, response) => response.end()));
    const plain = await webServer((_, response) => response.writeHead(400).end());
    const HANDSHAKE = 22;
    const port = await listening(
      createServer((socket) =>
        socket.once("data", (first: Buffer) => {
          const onwards = connect(first[0] === HANDSHAKE ? inner : plain, HOST);
          onwards.write(first);
          socket.on("error", () => {}).pipe(onwards);
          onwards.on("error", () => {}).pipe(socket);
        }),
      ),
    );
    const found = troubles(await checkRoute(`{ host: a.example, origin: "http://127.0.0.1:${port}" }`));
    expect(found).toEqual([expect.stringMatching(/speaks TLS, and is asked in plain HTTP/)]);
  });

  it("finds a certificate of an unknown authority", async () => {
    const { certificate, privateKey } = makeAuthority().issue({ name: "a.example" });
    const port = await listening(createTlsServer({ cert: certificate, key: privateKey }));
    const found = troubles(await checkRoute(`{ host: a.example, origin: "https://127.0.0.1:${port}" }`));
    expect(found).toEqual([expect.stringMatching(/over TLS \([A-Z_]+\)\n.*tls\.authorities/)]);
  });
});

describe("check of its own address", () => {
  it.each([
    [
      "in use",
      async () => listening(createServer()),
      [/^problem {2}admin: .* is in use\n.*stop the program/],
    ],
    ["free", closedPort, []],
  ] as const)("tells that it is %s", async (_, portOf, words) => {
    const more = `admin: "${HOST}:${await portOf()}"\n`;
    const found = troubles(await check({ origin: await webServerAnswers(), more }));
    expect(found).toEqual(words.map((each) => expect.stringMatching(each)));
  });

  it("does not blame the origin side that is running", async () => {
    const { admin } = await serveAt([{ path: join(folder, "running.sock") }]);
    const port = await listening(createServer());
    const more = `admin: [./running.sock, "${HOST}:${port}"]\n`;
    const findings = await check({ origin: await webServerAnswers(), more });
    expect(troubles(findings)).toEqual([]);
    expect(findings.map(({ what }) => what)).toContain(
      `coilgun-origin is running; ${HOST}:${port} was not tried`,
    );
    await admin.close();
  });
});

describe("check of edges", () => {
  const dialled = (at: Parameters<typeof check>[0]) => check(at, { clock: systemClock });

  it.each(["psk", "plain"] as const)("is content with one that knows the key, in mode %s", async (mode) => {
    const file = join(folder, "edge.yaml");
    const keys = [{ id: "k", secret: FIXTURE_SECRET, hosts: ["www.example.com"] }];
    const tunnel = { listen: `${HOST}:0`, mode };
    writeFileSync(file, JSON.stringify({ visitors: `${HOST}:0`, tunnel, keys }), { mode: 0o600 });
    const edge = await startEdge(loadEdgeConfig(file), { log: silentLog });
    const { port } = edge.tunnelAddress;
    const findings = await check(
      { origin: await webServerAnswers(), edge: port, mode },
      { clock: systemClock },
    );
    await edge.stop();
    expect(troubles(findings)).toEqual([]);
    expect(findings.at(-1)?.what).toBe(`edge ${HOST}:${port} accepts the key k`);
  });

  it("finds one that does not know the key, in mode plain", async () => {
    const file = join(folder, "edge.yaml");
    const keys = [{ id: "other", secret: FIXTURE_SECRET, hosts: ["www.example.com"] }];
    const tunnel = { listen: `${HOST}:0`, mode: "plain" };
    writeFileSync(file, JSON.stringify({ visitors: `${HOST}:0`, tunnel, keys }), { mode: 0o600 });
    const edge = await startEdge(loadEdgeConfig(file), { log: silentLog });
    const { port } = edge.tunnelAddress;
    const found = troubles(
      await check({ origin: await webServerAnswers(), edge: port, mode: "plain" }, { clock: systemClock }),
    );
    await edge.stop();
    expect(found).toEqual([expect.stringMatching(/gives no link with the key k\n.*compare keys/)]);
  });

  it.each([
    ["does not know the key", () => []],
    ["knows another secret", () => [makeLinkKey("k").secret]],
  ])("finds one that %s, and tells no secret", async (_, secretsOf) => {
    await using tunnel = await openTunnel({ mode: "psk", secretsOf });
    const secret = secretText(makeLinkKey("k").secret);
    const found = troubles(await dialled({ origin: await webServerAnswers(), edge: tunnel.port, secret }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^problem .*gives no link with the key k\n.*pair again/);
    expect(found[0]).not.toContain(secret.slice(5));
  });

  it("finds one that is not there", async () => {
    const found = troubles(await dialled({ origin: await webServerAnswers(), edge: await closedPort() }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/nothing listens there: is coilgun-edge running/);
  });
});

it("check tries everything even when much fails, and stops only at a config that is not valid", async () => {
  const found = troubles(
    await check(
      { origin: await closedPort() },
      { clock: systemClock, tryEdge: () => Promise.reject(new Error("no way")) },
    ),
  );
  expect(found).toHaveLength(2);
  await expect(checkOrigin(join(folder, "none.yaml"), { clock: systemClock })).rejects.toThrow(ConfigError);
});

it("check finds what the daemon could not write: access log, admin socket, file of versions", async () => {
  const more = "accessLog: ./none/access.log\nadmin: ./none/origin.sock\nstore: { file: ./none/versions }\n";
  const found = troubles(await check({ origin: await webServerAnswers(), more }));
  const settings = found.map(
    (each) => /^problem +([\w.]+): (there is no folder|this user may not write in)/.exec(each)?.[1],
  );
  expect(settings).toEqual(["accessLog", "admin", "store.file"]);
});
