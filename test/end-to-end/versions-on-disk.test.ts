/** Versions that outlive a restart: of either side, or both, the first visit afterwards is a delta. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
import { HastyClock } from "../kit/hasty-clock.ts";
import { type InnerDaemon, type InnerScene, openInnerScene } from "../kit/inner-scene.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, originYaml, type Settings } from "../kit/real-daemons.ts";

watchLeaks();

let scene: InnerScene;
let site: ChangingSite;
let folder: string;
beforeEach(async () => {
  // What is asked of a file has its time limit, which a busy machine takes as well: here it lasts four times as long.
  scene = openInnerScene(new HastyClock(1 / 4));
  site = await openSite();
  folder = mkdtempSync(join(tmpdir(), "coilgun-versions-"));
  return async () => {
    await scene[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  };
});

/** What a side is set to keep in a file. */
const storeOf = (side: string, more: Settings = {}): Settings => ({
  store: { file: join(folder, side), ...more },
});

const stopped = async (daemon: InnerDaemon): Promise<void> => {
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toBe(0);
};

const started = async (more: Settings = {}): Promise<{ edge: InnerDaemon; origin: InnerDaemon }> => {
  const edge = await scene.start("edge-side", edgeYaml(storeOf("edge", more)));
  const origin = await scene.start(
    "origin-side",
    originYaml(edge.port("tunnel"), site.port, storeOf("origin", more)),
  );
  await edge.logged("link up");
  return { edge, origin };
};

/** The edge's word on one visit, whose access line has this number. */
const answerTo = async (edge: InnerDaemon, line: number, headers: Record<string, string> = {}) => {
  await visitPage(site, edge.port("visitors"), { path: "/news", headers });
  return edge.access(line);
};

it("after a restart of both sides the first visit is a delta, as small as those before", async () => {
  const before = await started();
  expect(await answerTo(before.edge, 1)).toMatchObject({ answer: "whole" });
  const steady = await answerTo(before.edge, 2);
  expect(steady).toMatchObject({ answer: "delta" });
  await stopped(before.origin);
  await stopped(before.edge);
  const after = await started();
  const first = await answerTo(after.edge, 1);
  expect(first).toMatchObject({ answer: "delta" });
  expect(Number(first.answerBytes)).toBeLessThanOrEqual(Number(steady.answerBytes) * 1.1);
});

it("after a restart of the origin side alone too", async () => {
  const { edge, origin } = await started();
  await answerTo(edge, 1);
  await stopped(origin);
  await scene.start("origin-side", originYaml(edge.port("tunnel"), site.port, storeOf("origin")));
  await edge.logged("link up", 2);
  expect(await answerTo(edge, 2)).toMatchObject({ answer: "delta" });
});

const SESSION = { "sec-fetch-site": "none", cookie: "session=0f3a9c1b5d7e0f3a9c1b5d7e0f3a9c1b" };

it.each([
  ["memory", "whole"],
  ["file", "delta"],
])("a session finds its own after a restart where store.sessions is file (%s)", async (sessions, answer) => {
  const key = sessions === "file" ? { keyFile: join(folder, "store.key") } : {};
  const before = await started({ sessions, ...key });
  await answerTo(before.edge, 1, SESSION);
  expect(await answerTo(before.edge, 2, SESSION)).toMatchObject({ answer: "delta" });
  await stopped(before.origin);
  await stopped(before.edge);
  const after = await started({ sessions, ...key });
  expect(await answerTo(after.edge, 1, SESSION)).toMatchObject({ answer });
  if (sessions === "file") expect(statSync(join(folder, "store.key")).mode & 0o777).toBe(0o600);
});
