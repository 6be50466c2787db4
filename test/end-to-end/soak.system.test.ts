/**
 * Thousands of requests through two daemons that run as processes of their own, all answered exactly; and what the daemons hold after
 * garbage is gone does not grow with the number of requests.
 */
import { Agent } from "node:http";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { Reading } from "../kit/reading.ts";
import { edgeYaml, HOST, openScene, originYaml, type RealDaemon, type Scene } from "../kit/real-daemons.ts";
import { until } from "../kit/until.ts";
import { begin, visit } from "../kit/visits.ts";

watchLeaks();

const PROBE = [
  "--expose-gc",
  "--import",
  fileURLToPath(new URL("../kit/heap-probe.fixture.ts", import.meta.url)),
];
/** Small, so that it is full, and turns over, long before the first sample. */
const STORE = { size: "1 MiB" };
/** Two hundred slow exchanges, and some. */
const CONNECTIONS = 256;

const REQUESTS = Number(process.env.COILGUN_REQUESTS ?? 3_000);
const WARM_UP = REQUESTS / 3;
const SAMPLES = 8;
/**
 * Of heap and buffers, from the median of the early samples to that of the late ones, over 1,000 requests. Code that V8 has still to
 * compile, and what it keeps for itself, moves them by less than 0.2 MiB up or down; 512 bytes kept of each request are 0.5 MiB.
 */
const MOST_GROWTH_BYTES = 512 * 1024;
/** What is kept of each request grows in every round; V8 that was held up by others still compiles in the first. */
const MOST_ROUNDS = 3;

let scene: Scene;
let web: FakeOrigin;
let edge: RealDaemon;
let origin: RealDaemon;
beforeAll(async () => {
  scene = openScene();
  web = await openOrigin(() => {});
  const quiet = { accessLog: "off", store: STORE };
  edge = await scene.start("edge-side", edgeYaml(quiet), PROBE);
  const routes = [{ host: HOST, origin: `http://127.0.0.1:${web.port}`, connections: CONNECTIONS }];
  origin = await scene.start(
    "origin-side",
    originYaml(edge.port("tunnel"), web.port, { ...quiet, routes }),
    PROBE,
  );
  await Promise.all([edge.logged("link up"), origin.logged("link up")]);
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
});

let samples = 0;
/** Bytes that each daemon holds. */
const sample = async (): Promise<readonly number[]> => {
  samples++;
  return Promise.all(
    [edge, origin].map(async (daemon) => {
      daemon.signal("SIGUSR2");
      const { heapBytes, externalBytes } = await daemon.logged("heap", samples);
      return Number(heapBytes) + Number(externalBytes);
    }),
  );
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Of each daemon. */
const growths = (held: readonly (readonly number[])[]): readonly number[] =>
  [0, 1].map((at) => {
    const bytes = held.map((each) => each[at] ?? 0);
    return median(bytes.slice(SAMPLES / 2)) - median(bytes.slice(0, SAMPLES / 2));
  });

it(`${REQUESTS} requests on one kept connection are answered exactly, and neither daemon holds more at the end`, async () => {
  const pages = new Map<string, Buffer>();
  let connections = 0;
  web.serve = (request, response) => {
    const page = pageOf(Number(request.url?.slice(1)), `Page ${web.asked.length}`);
    pages.set(request.url ?? "", page);
    response.writeHead(200, { "Content-Type": "text/html" }).end(page);
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (...args) => {
    connections++;
    return createConnection(...args);
  };
  const wrong: number[] = [];
  const ask = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const path = `/${n % 20}`;
      const { status, body } = await visit(edge.port("visitors"), { path, agent });
      if (status !== 200 || !body.equals(pages.get(path) ?? Buffer.alloc(0))) wrong.push(n);
    }
  };
  await ask(WARM_UP);
  const rounds: (readonly (readonly number[])[])[] = [];
  do {
    const held: (readonly number[])[] = [];
    for (let n = 0; n < SAMPLES; n++) {
      await ask((REQUESTS - WARM_UP) / SAMPLES);
      held.push(await sample());
    }
    rounds.push(held);
  } while (
    rounds.length < MOST_ROUNDS &&
    growths(rounds.at(-1) ?? []).some((bytes) => bytes >= MOST_GROWTH_BYTES)
  );
  agent.destroy();
  expect([wrong, connections, web.asked.length]).toEqual([
    [],
    1,
    WARM_UP + rounds.length * (REQUESTS - WARM_UP),
  ]);
  expect(Math.max(...growths(rounds.at(-1) ?? [])), JSON.stringify(rounds)).toBeLessThan(MOST_GROWTH_BYTES);
});

it("two hundred slow answers at once arrive part by part, without an error", async () => {
  const COUNT = 200;
  const PARTS = 4;
  const parts = Array.from({ length: PARTS }, () => Promise.withResolvers<void>());
  const partOf = (url: string | undefined, n: number) => `<p>${url} part ${n}</p>`;
  web.serve = async ({ url }, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    for (const [n, part] of parts.entries()) {
      await part.promise;
      response.write(partOf(url, n));
    }
    response.end();
  };
  const asked = web.asked.length;
  const begun = Array.from({ length: COUNT }, async (_, n) => {
    const response = await begin(edge.port("visitors"), { path: `/slow/${n}` });
    return { status: response.statusCode, reading: new Reading(response) };
  });
  await web.askedReach(asked + COUNT);
  const first = parts[0];
  first?.resolve();
  const answers = await Promise.all(begun);
  for (const [n, part] of parts.entries()) {
    part.resolve();
    await Promise.all(answers.map(({ reading }, at) => reading.upTo(partOf(`/slow/${at}`, n))));
  }
  await until(() => answers.every(({ reading }) => reading.ended), "the end of all");
  expect(answers.every(({ status, reading }) => status === 200 && !reading.cut)).toBe(true);
  for (const [at, { reading }] of answers.entries())
    expect(reading.body.toString()).toBe(parts.map((_, n) => partOf(`/slow/${at}`, n)).join(""));
});

it("neither daemon had anything to complain of", () => {
  for (const { log } of [edge, origin])
    expect(log.filter(({ level }) => level === "warn" || level === "error" || Number(level) >= 40)).toEqual(
      [],
    );
});
