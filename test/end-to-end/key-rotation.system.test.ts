/**
 * A key's secret is changed again and again, in the order that docs/operations.md section "Rotating a key" says, by two real daemons while
 * 30 GETs a second come: none fails. COILGUN_REQUESTS=1000 is the long form.
 */
import { expect, it, onTestFinished } from "vitest";
import { makeLinkKey, secretText } from "../../protocol/transport/key.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import {
  edgeYaml,
  HOST,
  openScene,
  originYaml,
  type RealDaemon,
  type Settings,
} from "../kit/real-daemons.ts";
import { askSteadily, servePage } from "../kit/steady-load.ts";

watchLeaks();

const REQUESTS = 300;
const LINKS = 2;
const newSecret = () => secretText(makeLinkKey("k").secret);
const linesOf = ({ log }: RealDaemon, event: string) => log.filter((line) => line.event === event);

it("secrets of one key follow one another under load: no request fails, and none of the old ones stays", async () => {
  const scene = openScene();
  onTestFinished(() => scene[Symbol.asyncDispose]());
  const site = await openOrigin(servePage);
  onTestFinished(() => site[Symbol.asyncDispose]());
  const visitors = "127.0.0.1:0";
  let tunnel = visitors;
  const edgeWith = (key: Settings) =>
    edgeYaml({ visitors, tunnel, keys: [{ id: "k", ...key, hosts: [HOST] }] });
  const originWith = (secret: string) =>
    originYaml(0, site.port, {
      edges: [{ address: tunnel, key: { id: "k", secret }, connections: LINKS }],
    });

  let secret = newSecret();
  const edge = await scene.start("edge-side", edgeWith({ secret }));
  tunnel = `127.0.0.1:${edge.port("tunnel")}`;
  const origin = await scene.start("origin-side", originWith(secret));
  await edge.logged("link up", LINKS);

  const reload = async (daemon: RealDaemon, settings: Settings) => {
    const before = linesOf(daemon, "config reloaded").length;
    daemon.configure(settings);
    daemon.signal("SIGHUP");
    await daemon.logged("config reloaded", before + 1);
  };
  let rotated = 0;
  const rotate = async () => {
    const old = secret;
    secret = newSecret();
    rotated++;
    // Each second one ends by its time, and no reload drops it.
    const until = rotated % 2 === 0 ? { until: new Date(Date.now() + 1_000).toISOString() } : {};
    await reload(edge, edgeWith({ secret, previous: { secret: old, ...until } }));
    await reload(origin, originWith(secret));
    await origin.logged("link up", (rotated + 1) * LINKS);
    if (rotated % 2 === 0) await edge.logged("previous secret ended", rotated / 2);
    else await reload(edge, edgeWith({ secret }));
    await edge.logged("link down", rotated * LINKS);
  };
  let asked = false;
  const rotating = (async () => {
    while (!asked) await rotate();
  })();
  const load = { requests: REQUESTS, over: Promise.resolve() };
  const outcomes = await askSteadily(edge.port("visitors"), load);
  asked = true;
  await rotating;
  expect(outcomes).toEqual({ 200: expect.any(Number) });
  expect(rotated).toBeGreaterThan(1);
  for (const daemon of [edge, origin])
    expect(linesOf(daemon, "link down").map(({ code }) => code)).toEqual(
      Array.from({ length: rotated * LINKS }, () => "shutting-down"),
    );
});
