/**
 * Bodies of 100 MB through two real daemons, byte for byte, in memory that is bounded: what each process ever held, as the
 * kernel counted it, has no room for a body, and does not grow from one to the next.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { Random } from "../kit/random.ts";
import { GET, request } from "../kit/raw-requests.ts";
import { RawWeb } from "../kit/raw-web.ts";
import { edgeYaml, openScene, originYaml, type RealDaemon, type Scene } from "../kit/real-daemons.ts";

watchLeaks();

const MB = 1_000_000;
const BODY_BYTES = 100 * MB;
/**
 * Growth of each daemon over what it took at rest, over all bodies together. Measured 75 to 80 MB, most of it what Node.js has
 * not collected yet; a daemon that held one body would add its 100 MB to that.
 */
const MOST_GROWTH_BYTES = 128 * MB;
const PIECE = new Random(7).bytes(MB);

let scene: Scene;
let web: RawWeb;
let edge: RealDaemon;
let origin: RealDaemon;
const rest = new Map<RealDaemon, number>();
beforeAll(async () => {
  scene = openScene();
  web = await RawWeb.listen();
  const memory = { budget: "32 MiB", perKey: "16 MiB" };
  edge = await scene.start("edge-side", edgeYaml({ memory }));
  origin = await scene.start("origin-side", originYaml(edge.port("tunnel"), web.port, { memory }));
  await Promise.all([edge.logged("link up"), origin.logged("link up")]);
  for (const daemon of [edge, origin]) rest.set(daemon, memoryOf(daemon, "VmRSS"));
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
});

/** What the kernel says that a process holds (VmRSS), or has held at most (VmHWM). */
const memoryOf = ({ pid }: RealDaemon, what: "VmRSS" | "VmHWM"): number => {
  if (process.platform !== "linux") return 0;
  const line = new RegExp(`^${what}:\\s*(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) * 1024;
};

const expectBounded = (): void => {
  for (const daemon of [edge, origin])
    expect(memoryOf(daemon, "VmHWM") - (rest.get(daemon) ?? 0)).toBeLessThan(MOST_GROWTH_BYTES);
};

/** The whole body, every piece with its number in it; returns its hash. */
const pour = async (into: Socket): Promise<string> => {
  const hash = createHash("sha256");
  for (let sent = 0; sent < BODY_BYTES; sent += MB) {
    const piece = Buffer.from(PIECE);
    piece.writeUInt32BE(sent);
    hash.update(piece);
    if (!into.write(piece)) await once(into, "drain");
  }
  return hash.digest("hex");
};

/** Reads so many bytes, stopping at each tenth of them; returns the hash of those behind the head. */
const drain = async (from: Socket, mark: string): Promise<string> => {
  const hash = createHash("sha256");
  let head = "";
  let read = 0;
  let pauses = 0;
  for await (const bytes of from as AsyncIterable<Buffer>) {
    let body = bytes;
    if (!head.includes(mark)) {
      head += bytes.toString("latin1");
      const at = head.indexOf(mark);
      if (at === -1) continue;
      body = Buffer.from(head.slice(at + mark.length), "latin1");
    }
    hash.update(body);
    read += body.length;
    if (read >= (pauses + 1) * (BODY_BYTES / 10)) await turns().then(() => pauses++);
    if (read === BODY_BYTES) break;
  }
  return hash.digest("hex");
};

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe.each([
  ["that nothing is gained from (image/png), which pass", "image/png"],
  ["of a page (text/html), which are streamed and coded", "text/html"],
])("100 MB down %s", (_, type) => {
  it("arrive whole, in bounded memory, to a visitor that keeps stopping", async () => {
    const visitor = connect(edge.port("visitors"), "127.0.0.1");
    visitor.write(GET("/large"));
    const asked = await web.next();
    asked.say(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
    const [sent, got] = await Promise.all([pour(asked.connection.socket), drain(visitor, "\r\n\r\n")]);
    expect(got).toBe(sent);
    asked.answer("");
    visitor.destroy();
    expectBounded();
  });
});

describe("100 MB up", () => {
  it("arrive whole, in bounded memory, at a web server that keeps stopping", async () => {
    const visitor = connect(edge.port("visitors"), "127.0.0.1");
    visitor.write(request("POST /large", [`Content-Length: ${BODY_BYTES}`]));
    const asked = await web.next();
    const { socket } = asked.connection;
    socket.removeAllListeners("data");
    const early = asked.connection.unread;
    const got = drain(socket, "");
    const sent = pour(visitor);
    expect(early).toBe("");
    expect(await got).toBe(await sent);
    expectBounded();
    socket.destroy();
    visitor.destroy();
  });
});

it("after all of it another visitor is served", async () => {
  const visitor = connect(edge.port("visitors"), "127.0.0.1");
  visitor.write(GET("/small"));
  (await web.next()).ok("small");
  const [bytes] = (await once(visitor, "data")) as [Buffer];
  expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 /);
  visitor.destroy();
});
