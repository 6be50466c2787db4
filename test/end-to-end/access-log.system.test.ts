/**
 * The access log of a real edge on a disk that is full, after a rename, and in a pipe that nobody reads: visitors notice nothing, the lines
 * that are lost are counted, and the daemon ends.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { CLOSE_MS, GATHER_MS, openAccessLog } from "../../protocol/daemon/access-log.ts";
import { isAnyStanding } from "../../protocol/daemon/end-process.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { GrowingFile } from "../kit/growing-file.ts";
import { ANY_PORT, HOST, openScene } from "../kit/real-daemons.ts";
import { until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

/** Together more than is kept of lines that cannot be written, which is 1 MiB. */
const REQUESTS = 100;
const PATH = `/${"x".repeat(16_000)}`;

it("a full disk costs lines and says how many, and after SIGHUP and SIGUSR1 a new file is written", async () => {
  const scene = openScene();
  const web = await openOrigin((_, response) => response.end("ok"));
  onTestFinished(() => Promise.all([scene, web].map((each) => each[Symbol.asyncDispose]())).then(() => {}));
  const [path, older] = [join(scene.folder, "access.log"), join(scene.folder, "access.1")];
  writeFileSync(path, "");
  const edge = await scene.start("edge-side", {
    visitors: ANY_PORT,
    hosts: [{ host: HOST, direct: `http://127.0.0.1:${web.port}` }],
    accessLog: path,
    log: { format: "json" },
  });
  const ask = async (): Promise<void> => {
    expect((await visit(edge.port("visitors"), { path: PATH })).status).toBe(200);
  };
  const written = (file: string, lines: number) => {
    const log = new GrowingFile(file);
    return until(() => log.lines.length === lines, `${lines} lines in ${file}`);
  };

  rmSync(path);
  symlinkSync("/dev/full", path);
  edge.signal("SIGUSR1");
  await Promise.all(Array.from({ length: REQUESTS }, ask));
  expect(await edge.logged("access log failed")).toMatchObject({ error: { code: "ENOSPC" } });
  rmSync(path);
  edge.signal("SIGHUP");
  const lost = Number((await edge.logged("access log goes on")).lost);
  expect(lost).toBeGreaterThan(0);
  await written(path, REQUESTS - lost);

  renameSync(path, older);
  edge.signal("SIGUSR1");
  await until(() => existsSync(path), "the new file");
  await ask();
  await written(path, 1);
  await written(older, REQUESTS - lost);
  if (process.env.COILGUN_FIGURES !== undefined)
    console.log({ requests: REQUESTS + 1, answered: web.asked.length, lost });
});

/** A pipe with a reader that takes nothing. */
const pipeIn = (folder: string): { readonly path: string; readonly reader: number } => {
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  return { path, reader: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) };
};

it("a pipe that nobody reads holds up a stop for 5 s, and its lines are told as lost", async () => {
  const scene = openScene();
  onTestFinished(() => scene[Symbol.asyncDispose]());
  const { path, reader } = pipeIn(scene.folder);
  const clock = new FakeClock();
  const said: unknown[] = [];
  const say = (event: string, fields?: object) => void said.push({ event, ...fields });
  const log = openAccessLog(
    { target: { to: "file", path }, format: "json", userAgent: false },
    { clock, log: { info: say, warn: say, error: say } },
  );
  log.write(`${"x".repeat(100_000)}\n`); // more than a pipe takes
  log.write("waits\n");
  await clock.advance(GATHER_MS);
  await until(isAnyStanding, "a write that stands still");
  const closed = log.close();
  await clock.advance(CLOSE_MS);
  await closed;
  expect([said, clock.timers]).toEqual([[{ event: "access log too slow", lost: 2 }], 0]);
  // Until then the end of the process would wait for the write.
  expect(isAnyStanding()).toBe(true);
  closeSync(reader);
  await until(() => !isAnyStanding(), "the end of the write");
});

it("a second signal ends a daemon at once whose access log stands still", async () => {
  const scene = openScene();
  const web = await openOrigin((_, response) => response.end("ok"));
  onTestFinished(() => Promise.all([scene, web].map((each) => each[Symbol.asyncDispose]())).then(() => {}));
  const { path, reader } = pipeIn(scene.folder);
  onTestFinished(() => closeSync(reader));
  const edge = await scene.start("edge-side", {
    visitors: ANY_PORT,
    hosts: [{ host: HOST, direct: `http://127.0.0.1:${web.port}` }],
    accessLog: path,
    log: { format: "json" },
  });
  for (let visits = 0; visits < 10; visits++)
    expect((await visit(edge.port("visitors"), { path: PATH })).status).toBe(200);
  edge.signal("SIGTERM");
  await edge.logged("stopping");
  edge.signal("SIGTERM");
  await edge.logged("stopped at once, by a second signal");
  await edge.ended;
});
