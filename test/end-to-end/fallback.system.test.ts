/** An origin side that dies under real processes, with a fallback: no request fails, and the link is used again when it is back. */
import { expect, it, onTestFinished } from "vitest";
import { openSite } from "../kit/changing-site.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { edgeYaml, HOST, KEY, openScene, originYaml } from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

it("visitors get the site from the fallback while no link is there, and from the link before and after", async () => {
  const scene = openScene();
  const site = await openSite();
  const web = await openOrigin((_, response) => response.end("from the fallback"));
  onTestFinished(() =>
    Promise.all([scene, site, web].map((each) => each[Symbol.asyncDispose]())).then(() => {}),
  );
  const fallback = `http://127.0.0.1:${web.port}`;
  const edge = await scene.start(
    "edge-side",
    edgeYaml({ keys: [{ ...KEY, hosts: [{ host: HOST, fallback }] }] }),
  );
  const settings = originYaml(edge.port("tunnel"), site.port);
  const origin = await scene.start("origin-side", settings);
  await edge.logged("link up");
  const ask = async () => {
    const { status, body } = await visit(edge.port("visitors"), { path: "/" });
    return [status, body.toString() === "from the fallback"];
  };
  const seen = [await ask()];
  await origin.kill();
  await edge.logged("link down");
  seen.push(await ask(), await ask());
  await scene.start("origin-side", settings);
  await edge.logged("link up", 2);
  seen.push(await ask());
  expect(seen).toEqual([
    [200, false],
    [200, true],
    [200, true],
    [200, false],
  ]);
  expect(await edge.logged("fallback begins")).toMatchObject({ host: HOST, to: fallback, reason: "no-link" });
  expect(await edge.logged("fallback over")).toMatchObject({ host: HOST, requests: 2 });
  expect(await edge.access(2)).toMatchObject({ answer: "fallback", reason: "no-link", status: 200 });
  expect(web.asked).toHaveLength(2);
});
