/** What `doctor` says of a real pair: a store of versions that is too small, and who is at the other end of the link. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { askStatus } from "../../protocol/admin/ask-daemon.ts";
import { ownVersion } from "../../protocol/daemon/cli.ts";
import { diagnose } from "../../protocol/daemon/doctor.ts";
import { printFinding } from "../../protocol/daemon/findings.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { openInnerScene } from "../kit/inner-scene.ts";
import { Random } from "../kit/random.ts";
import { edgeYaml, originYaml } from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

/** Of different templates, so that no one is a base of another; all together more than a store of 1 MiB takes. */
const PATHS = ["/apples", "/bread/of/today", "/contact.php", "/search?q=1", "/login/form.html"];
const PAGE_BYTES = 300_000;

const pairWith = async (edgeStore: string) => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-doctor-"));
  const admin = { edge: join(folder, "edge.sock"), origin: join(folder, "origin.sock") };
  const web = await openOrigin((request, response) => {
    const page = new Random(request.url?.charCodeAt(1) ?? 0).bytes(PAGE_BYTES / 2).toString("hex");
    response.setHeader("Content-Type", "text/html").end(`${page}${request.url}`);
  });
  const scene = openInnerScene();
  onTestFinished(async () => {
    await Promise.all([scene[Symbol.asyncDispose](), web[Symbol.asyncDispose]()]);
    rmSync(folder, { recursive: true });
  });
  const edge = await scene.start("edge-side", edgeYaml({ admin: admin.edge, store: { size: edgeStore } }));
  const origin = await scene.start(
    "origin-side",
    originYaml(edge.port("tunnel"), web.port, { admin: admin.origin }),
  );
  await edge.logged("link up");
  for (let round = 0; round < 2; round++)
    for (const path of PATHS) expect((await visit(edge.port("visitors"), { path })).status).toBe(200);
  for (const side of [edge, origin]) await side.access(2 * PATHS.length);
  return async (side: "edge" | "origin") => {
    const status = await askStatus([{ path: admin[side] }], "x.yaml", { program: "coilgun" });
    const findings = diagnose(status, { version: ownVersion(), today: systemClock.today() });
    return { status, said: findings.map(printFinding).join("\n") };
  };
};

it("a store of 1 MiB for pages of 1.5 MB is said to be too small", async () => {
  const { said } = await (await pairWith("1 MiB"))("edge");
  expect(said).toMatch(
    /warning {2}store: [^\n]* [1-9]\d* had to go, after \d+ s on average[^\n]*\n {9}store\.size larger/,
  );
});

it("one of 16 MiB is not; each side knows the version of the other one, and that its clock is right", async () => {
  const asked = await pairWith("16 MiB");
  for (const side of ["edge", "origin"] as const) {
    const { status, said } = await asked(side);
    expect(status.links).toEqual([expect.objectContaining({ program: ownVersion() })]);
    expect(Math.abs(status.links[0]?.clockAheadMs ?? Number.NaN)).toBeLessThan(5_000);
    expect(said).toContain(`version ${ownVersion()}, 0 under way`);
    expect(said).not.toContain("of ours");
    expect(said).toMatch(/ok {7}store: [^\n]* 0 had to go\n/);
  }
});
