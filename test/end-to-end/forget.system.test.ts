/**
 * `coilgun-edge forget` as an operator runs it, against running daemons: what it names is erased on both sides, so that the
 * next answer is whole, and nothing else is.
 */
import { beforeEach, expect, it } from "vitest";
import { type ChangingSite, openSite, visitPage } from "../kit/changing-site.ts";
import { watchLeaks } from "../kit/leaks.ts";
import {
  edgeYaml,
  HOST,
  KEY,
  openScene,
  originYaml,
  type RealDaemon,
  type Scene,
} from "../kit/real-daemons.ts";

watchLeaks();

let scene: Scene;
let site: ChangingSite;
beforeEach(async () => {
  scene = openScene();
  site = await openSite();
  return async () => {
    await scene[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
  };
});

const SHOP = "shop.example.com";
/** With `bases: url`, as the site's pages are all alike: under the default one URL's version is a base of the others. */
const hosts = [HOST, SHOP].map((host) => ({ host, bases: "url" }));
const EDGE = edgeYaml({ keys: [{ ...KEY, hosts }], admin: "./edge.sock" });

/** The edge's answer to each visit, in order. */
const answersTo = async (edge: RealDaemon, visits: readonly (readonly [string, string])[], from: number) => {
  const answers: unknown[] = [];
  for (const [i, [host, path]] of visits.entries()) {
    await visitPage(site, edge.port("visitors"), { host, path });
    answers.push((await edge.access(from + i)).answer);
  }
  return answers;
};

it("erases a URL, then a host, on both sides, and leaves the rest", async () => {
  const edge = await scene.start("edge-side", EDGE);
  const origin = await scene.start(
    "origin-side",
    originYaml(edge.port("tunnel"), site.port, {
      routes: [HOST, SHOP].map((host) => ({ host, origin: `http://127.0.0.1:${site.port}` })),
    }),
  );
  await edge.logged("link up");
  const forget = (...words: readonly string[]) => scene.command("edge-side", EDGE, "forget", ...words);

  const VISITS = [
    [HOST, "/news"],
    [HOST, "/about"],
    [SHOP, "/news"],
  ] as const;
  expect(await answersTo(edge, VISITS, 1)).toEqual(["whole", "whole", "whole"]);
  expect(await answersTo(edge, VISITS, 4)).toEqual(["delta", "delta", "delta"]);

  expect(await forget("--host", HOST, "--url", "/news")).toEqual({
    code: 0,
    stdout: `2 versions of ${HOST}/news erased\n`,
    stderr: "",
  });
  expect(await origin.logged("versions erased")).toMatchObject({ host: HOST, url: "/news", erased: 2 });
  expect(await answersTo(edge, VISITS, 7)).toEqual(["whole", "delta", "delta"]);

  const { code, stdout } = await forget("--host", HOST.toUpperCase());
  expect([code, stdout]).toEqual([0, `4 versions of ${HOST} erased\n`]);
  expect(await origin.logged("versions erased", 2)).toMatchObject({ host: HOST, url: "", erased: 4 });
  expect(await answersTo(edge, VISITS, 10)).toEqual(["whole", "whole", "delta"]);
  expect(await answersTo(edge, VISITS, 13)).toEqual(["delta", "delta", "delta"]);
});

it("reaches an origin side whose link was down, and one whose host the config names no more", async () => {
  const edge = await scene.start("edge-side", EDGE);
  const [tunnel, web] = [edge.port("tunnel"), site.port];
  const routes = [HOST, SHOP].map((host) => ({ host, origin: `http://127.0.0.1:${web}` }));
  const origin = await scene.start("origin-side", originYaml(tunnel, web, { routes }));
  await edge.logged("link up");
  const visits = [HOST, SHOP].map((host) => [host, "/news"] as const);
  expect(await answersTo(edge, visits, 1)).toEqual(["whole", "whole"]);

  edge.configure({ ...EDGE, keys: [{ ...KEY, hosts: [HOST] }] });
  edge.signal("SIGHUP");
  await edge.logged("config reloaded");
  expect((await scene.command("edge-side", EDGE, "forget", "--host", SHOP)).stdout).toMatch(/^1 version of/);
  expect(await origin.logged("versions erased")).toMatchObject({ host: SHOP, erased: 1 });

  origin.configure(originYaml(1, web, { routes }));
  origin.signal("SIGHUP");
  await edge.logged("link down");
  expect((await scene.command("edge-side", EDGE, "forget", "--host", HOST)).stdout).toMatch(/^1 version of/);
  origin.configure(originYaml(tunnel, web, { routes }));
  origin.signal("SIGHUP");
  await edge.logged("link up", 2);
  expect(await origin.logged("versions erased", 3)).toMatchObject({ host: HOST, erased: 1 });
});

it("fails for a host that the edge does not serve: it is mistyped, or of another edge", async () => {
  await scene.start("edge-side", EDGE);
  expect(await scene.command("edge-side", EDGE, "forget", "--host", "wwww.example.com")).toEqual({
    code: 1,
    stdout: "",
    stderr: "coilgun-edge: nothing was erased: this edge serves no wwww.example.com\n",
  });
});

it("says so when nothing is remembered, and when no edge is running", async () => {
  const edge = await scene.start("edge-side", EDGE);
  const forget = () => scene.command("edge-side", EDGE, "forget", "--host", HOST);
  expect(await forget()).toEqual({ code: 0, stdout: `0 versions of ${HOST} erased\n`, stderr: "" });
  await edge.kill();
  const { code, stderr } = await forget();
  expect([code, stderr]).toEqual([1, expect.stringMatching(/no coilgun-edge is running .*; start it/)]);
  // The socket that the killed one left is in nobody's way.
  await scene.start("edge-side", EDGE);
  expect((await forget()).code).toBe(0);
});
