/** COILGUN_TRACE=frames on real daemons: both tell every frame of a visit on standard error, and neither tells its cookie. */
import { expect, it } from "vitest";
import { openSite, visitPage } from "../kit/changing-site.ts";
import { freePort } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, HOST, openScene, originYaml, type RealDaemon } from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const TRACED = ["--import", 'data:text/javascript,process.env.COILGUN_TRACE="frames"'];

const traceOf = ({ log }: RealDaemon): string[] =>
  log.flatMap(({ text }) => (typeof text === "string" && text.startsWith("trace ") ? [text] : []));

it("shows the frames of a visit on both sides, and of its cookie only that there is one", async () => {
  await using scene = openScene();
  await using site = await openSite();
  const tunnel = await freePort();
  const [edge, origin] = await Promise.all([
    scene.start("edge-side", edgeYaml({ tunnel: `127.0.0.1:${tunnel}` }), TRACED),
    scene.start("origin-side", originYaml(tunnel, site.port), TRACED),
  ]);
  await edge.logged("link up");
  await visitPage(site, edge.port("visitors"), { path: "/news" });
  const { status } = await visit(edge.port("visitors"), {
    headers: { Host: HOST, Cookie: "session=Zq9-hunter2-Zq9-hunter2" },
    path: "/news",
  });
  expect(status).toBe(200);
  await Promise.all([edge.access(2), origin.access(2)]);

  const kinds = (daemon: RealDaemon) => traceOf(daemon).map((line) => line.split(" ").slice(4, 6).join(" "));
  for (const [daemon, sent, received] of [
    [edge, "open", "answer"],
    [origin, "answer", "open"],
  ] as const) {
    expect(kinds(daemon).filter((kind) => kind === `sent ${sent}`)).toHaveLength(2);
    expect(kinds(daemon).filter((kind) => kind === `received ${received}`)).toHaveLength(2);
    expect(JSON.stringify(daemon.log)).not.toContain("hunter2");
  }
  expect(traceOf(edge).some((line) => line.includes(" Cookie=["))).toBe(true);
});
