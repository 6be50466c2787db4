// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of config files
/** `reload` as an operator runs it against a running daemon: what came of it, and loudly where nothing did. */
import { beforeEach, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, openScene, originYaml, type Scene } from "../kit/real-daemons.ts";

watchLeaks();

let scene: Scene;
beforeEach(() => {
  scene = openScene();
  return () => scene[Symbol.asyncDispose]();
});

it.each([
  ["edge-side", edgeYaml({ admin: "./daemon.sock" })],
  ["origin-side", originYaml(1, 1, { admin: "./daemon.sock" })],
] as const)(
  "of the %s prints what needs a restart; code 1 for a file with a mistake",
  async (side, settings) => {
    const daemon = await scene.start(side, settings);
    daemon.configure({ ...settings, store: { size: "64 MiB" } });
    expect(await scene.command(side, settings, "reload")).toEqual({
      code: 0,
      stdout: "config reloaded\nneeds a restart: store.size: 256 MiB -> 64 MiB\n",
      stderr: "",
    });
    // The command reads the same file as the daemon; where admin is told by it, nothing else is.
    const mistaken = { ...settings, stroe: {}, log: { level: "${NOT_SET_HERE}" } };
    daemon.configure({ ...settings, stroe: {} });
    const { code, stdout, stderr } = await scene.command(side, mistaken, "reload");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/not reloaded: the config in use stays\n.*\.yaml:\d+:\d+: stroe is not a setting/);
  },
);

it("says that nothing was reloaded of a file that cannot be read, or says nothing of admin that can be", async () => {
  const stays = /^coilgun-edge: not reloaded: the config in use stays\n {2}.*\.yaml:\d+:\d+: admin\b/;
  const settings = edgeYaml({ admin: { listen: 5 } });
  expect(await scene.command("edge-side", settings, "reload")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(stays),
  });
});

it("asks a daemon that runs for its state though its file has a mistake by now", async () => {
  const settings = originYaml(1, 1, { admin: "./daemon.sock" });
  await scene.start("origin-side", settings);
  const mistaken = { ...settings, edges: [{ address: "${NOT_SET_HERE}" }], zzz: 1 };
  expect(await scene.command("origin-side", mistaken, "status")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^coilgun-origin /),
  });
  expect(await scene.command("origin-side", mistaken, "health")).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^not ready: /),
    stderr: "",
  });
});
