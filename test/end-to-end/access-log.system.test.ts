/** The access log of a real edge on a disk that is full, and after a rename: visitors notice nothing, and the lines that are lost are counted. */
import { existsSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
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
