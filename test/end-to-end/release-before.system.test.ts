/**
 * An edge and an origin side of which one is the release before: links come up, deltas and compressed requests are understood both ways,
 * across reloads and restarts, and every byte is right. The release before is taken from this repository's own history, or is the checkout in COILGUN_BEFORE.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { edgeYaml, openScene, originYaml } from "../kit/real-daemons.ts";
import { ROOT } from "../kit/run-command.ts";
import { type Asking, begin, finish } from "../kit/visits.ts";

/** 0.1.0. */
const BEFORE = "e22e371";
const given = process.env.COILGUN_BEFORE;
const git = (...words: readonly string[]) => spawnSync("git", ["-C", ROOT, ...words]).status === 0;
const isKnown = given !== undefined || git("cat-file", "-e", `${BEFORE}^{commit}`);

/** Its sources, beside the packages of this checkout. */
const checkout = (root: string): void => {
  const sources = ["edge-side", "origin-side", "protocol", "package.json"];
  const archive = execFileSync("git", ["-C", ROOT, "archive", BEFORE, ...sources], { maxBuffer: 64 << 20 });
  execFileSync("tar", ["-x", "-C", root], { input: archive });
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
};

const ROWS = Array.from({ length: 400 }, (_, i) => `<li>row ${i} of ${(i * 7919) % 1009}</li>`);
const pageOf = (visits: number) => `<ul>${ROWS.join("\n")}</ul><p>visit ${visits}, ${"x".repeat(visits)}</p>`;
/** What does not fit into a splice. */
const rewritten = (visits: number) =>
  `<ul>${ROWS.map((row, i) => (i % 3 === 0 ? `${row} ${visits * i}` : row)).join("\n")}</ul>`;

/** Pages that change with each visit, one whose rest is made when its beginning has arrived, and an echo. */
const openWeb = async () => {
  let visits = 0;
  let goOn: (() => unknown) | undefined;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    response.setHeader("Content-Type", "text/html");
    if (request.method === "POST") return response.end(body);
    visits++;
    if (request.url === "/rewritten") return response.end(rewritten(visits));
    const page = pageOf(visits);
    if (request.url !== "/slow") return response.end(page);
    response.write(page.slice(0, 5_000));
    goOn = () => response.end(page.slice(5_000));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return {
    port,
    visits: () => visits,
    finishSlow: () => {
      goOn?.();
      goOn = undefined;
    },
    [Symbol.asyncDispose]: async () => void server.close(),
  };
};

describe.skipIf(!isKnown)(`with the release before (skipped where git has no ${BEFORE})`, () => {
  let before = given ?? "";
  beforeAll(() => {
    if (given !== undefined) return;
    before = mkdtempSync(join(tmpdir(), "coilgun-before-"));
    checkout(before);
  });
  afterAll(() => given ?? rmSync(before, { recursive: true }));

  it.each(["edge-side", "origin-side"] as const)(
    "as %s: every byte is right, and deltas are used",
    async (old) => {
      await using scene = openScene();
      await using web = await openWeb();
      const rootOf = (side: string) => (side === old ? before : undefined);
      const edge = await scene.start("edge-side", edgeYaml(), [], rootOf("edge-side"));
      const settings = originYaml(edge.port("tunnel"), web.port);
      const startOrigin = () => scene.start("origin-side", settings, [], rootOf("origin-side"));
      const origin = await startOrigin();
      await edge.logged("link up");
      const visit = async (asking: Asking) => {
        const response = await begin(edge.port("visitors"), asking);
        web.finishSlow();
        return finish(response);
      };
      for (const path of ["/", "/rewritten", "/slow"])
        for (let times = 0; times < 4; times++) {
          const { status, body } = await visit({ path });
          const made = path === "/rewritten" ? rewritten(web.visits()) : pageOf(web.visits());
          expect([status, body.toString() === made]).toEqual([200, true]);
        }
      const asked = JSON.stringify(Array.from({ length: 500 }, (_, n) => ({ n })));
      const headers = { "Content-Type": "application/json", "Content-Length": asked.length };
      const echoed = await visit({ method: "POST", body: Buffer.from(asked), headers });
      expect([echoed.status, echoed.body.toString() === asked]).toEqual([200, true]);
      await edge.access(13);
      const { accessed } = edge;
      const sizes = accessed.map(({ answer, answerBytes }) => [answer, Number(answerBytes) < 2_000]);
      // The first of each path has no base that is like it; the slow ones stream.
      for (const at of [1, 2, 3, 5, 6, 7, 9, 10, 11])
        expect([at, ...(sizes[at] ?? [])]).toEqual([at, "delta", true]);
      expect(Number(accessed[12]?.requestBytes)).toBeLessThan(asked.length / 2);
      // A reload of both, and a new origin side, of which nothing is known that the edge knows.
      for (const daemon of [edge, origin]) daemon.signal("SIGHUP");
      await Promise.all([edge, origin].map((daemon) => daemon.logged("config reloaded")));
      await origin.kill();
      const next = await startOrigin();
      await edge.logged("link up", 2);
      for (let times = 0; times < 3; times++) {
        const { status, body } = await visit({ path: "/" });
        expect([status, body.toString() === pageOf(web.visits())]).toEqual([200, true]);
      }
      await edge.access(16);
      expect(accessed.slice(-3).map(({ answer }) => answer)).toEqual(["whole", "delta", "delta"]);
      expect(edge.log.filter(({ event }) => event === "delta did not verify")).toEqual([]);
      next.signal("SIGTERM");
      expect((await next.ended).code).toBe(0);
    },
  );
});
