import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type RedisServer, startRedis } from "../../../bench/rig/redis-server.ts";
import { originProgram } from "../../../origin-side/origin-program.ts";
import { FIXTURE_SECRET } from "../../kit/config-fixtures.ts";
import { runCommand, startCommand } from "../../kit/run-command.ts";
import { runInside } from "../../kit/run-inside.ts";

let folder = "";
let redis: RedisServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-config-"));
  redis = await startRedis();
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const origin = (...words: readonly string[]) =>
  runCommand(
    "origin-side",
    ["config", ...words, ...(words[0] === "keygen" ? [] : ["--config", "origin.yaml"])],
    folder,
  );
/** The same inside the test, for what it says and how it ends. */
const inside = (...words: readonly string[]) => runInside(originProgram(), ["config", ...words], folder);
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

const SHARED = `edges: [{ address: "127.0.0.1:1", key: { id: k, secret: ${FIXTURE_SECRET} } }]
routes: [{ host: www.example.com, origin: "http://127.0.0.1:3000" }]
`;

it("makes keys, stores what can be used and nothing else, and gives it back whole, its secrets to a file alone", async () => {
  const { stdout: keys } = await origin("keygen");
  for (const name of ["config-signing.key", "config-seal.key"])
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  const [, configKey] = /configKey: (\S+)/.exec(keys) ?? [];
  write("origin.yaml", `config: ${redis.url}#site\nconfigKey: ${configKey}\nconfigSeal: ./config-seal.key\n`);
  write("shared.yaml", SHARED);
  write("wrong.yaml", `${SHARED}colour: red\n`);

  const watching = startCommand("origin-side", ["config", "watch", "--config", "origin.yaml"], folder);
  onTestFinished(async () => {
    watching.child.kill("SIGINT");
    await watching.ended;
  });
  const lines = createInterface(watching.child.stdout as Readable)[Symbol.asyncIterator]();
  expect((await lines.next()).value).toMatch(/^nothing is stored there yet/);
  const history = await inside("history");
  expect([history.code, history.stderr]).toEqual([
    1,
    expect.stringMatching(/: nothing is stored there yet; /),
  ]);
  const missing = await inside("put", "none.yaml");
  expect([missing.code, missing.stderr]).toEqual([
    1,
    "none.yaml:1:1: there is no such file; name one, such as `config get --out` writes\n",
  ]);
  const wrong = await inside("put", "wrong.yaml");
  expect([wrong.code, wrong.stderr]).toEqual([
    1,
    "wrong.yaml:3:1: colour is not a setting; here there are: edges, routes, redial\n",
  ]);
  expect(await origin("put", "shared.yaml")).toMatchObject({
    code: 0,
    stdout: `version 1 is stored in ${redis.url}#site\n`,
  });
  expect((await lines.next()).value).toMatch(/^version 1, signed \S+ by ed25519:/);
  expect((await inside("history")).stdout).toMatch(/^1 {2}\S+ {2}\d+ bytes {2}by ed25519:\S+\n$/);
  expect((await origin("get")).stdout).toBe(SHARED.replace(FIXTURE_SECRET, "[secret]"));
  expect((await origin("get", "1", "--out", "back.yaml")).code).toBe(0);
  expect(readFileSync(join(folder, "back.yaml"), "utf8")).toBe(SHARED);
  expect(statSync(join(folder, "back.yaml")).mode & 0o777).toBe(0o600);
  write("back.yaml", "edited");
  const kept = await inside("get", "--out", "back.yaml");
  expect([kept.code, kept.stderr]).toEqual([1, "coilgun-origin: back.yaml exists; --force replaces it\n"]);
  expect(readFileSync(join(folder, "back.yaml"), "utf8")).toBe("edited");
  expect((await inside("get", "--out", "back.yaml", "--force")).code).toBe(0);
  expect(readFileSync(join(folder, "back.yaml"), "utf8")).toBe(SHARED);
  const nowhere = await inside("get", "--out", "no/such/back.yaml");
  expect([nowhere.code, nowhere.stderr]).toMatchObject([
    1,
    expect.stringMatching(/back.yaml cannot be written \(ENOENT\); name/),
  ]);
});

it("makes keys in a new folder, and replaces none", async () => {
  const keygen = () => inside("keygen", "--out", "new/fleet");
  expect((await keygen()).code).toBe(0);
  const { code, stderr } = await keygen();
  expect([code, stderr]).toEqual([
    1,
    "coilgun-origin: there are keys in new/fleet already; name another folder with --out\n",
  ]);
});
