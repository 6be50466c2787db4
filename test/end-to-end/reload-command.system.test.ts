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
    daemon.configure({ ...settings, stroe: {} });
    const { code, stdout, stderr } = await scene.command(side, settings, "reload");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/not reloaded: the config in use stays\n.*\.yaml:\d+:\d+: stroe is not a setting/);
  },
);
