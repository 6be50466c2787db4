/** What a link that an origin side dialled tells the requests that wait for one. */
import { expect, it } from "vitest";
import { READY_TARGET } from "../../../edge-side/http/validate-request.ts";
import { startEdge } from "../../../edge-side/run/daemon.ts";
import { makeLinkKey, secretText } from "../../../protocol/transport/key.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { HeardLog } from "../../kit/pair.ts";
import { answerFrame, ScriptedPeer } from "../../kit/scripted-peer.ts";
import { dialTunnel } from "../../kit/tunnel.ts";
import { until } from "../../kit/until.ts";
import { visit } from "../../kit/visits.ts";

watchLeaks();

it("a request that waits since the only link is silent goes out on it once that speaks again", async () => {
  const clock = new FakeClock();
  const log = new HeardLog();
  const key = makeLinkKey("k");
  const keys = [{ id: key.id, secret: secretText(key.secret), hosts: ["www.example.com"] }];
  const config = edgeConfigOf({ keys });
  const { heartbeatMs } = config.times;
  const edge = await startEdge(config, { log, clock, load: () => 0 });
  try {
    const peer = new ScriptedPeer(await dialTunnel(edge.tunnelAddress.port, { mode: "psk", key }), "origin");
    await log.heard("link up");
    const { port } = edge.visitorsAddress;
    const first = visit(port, { path: "/first" });
    const asked = [await peer.nextOf("open")];
    peer.answersPings = false;
    await clock.advance(3 * heartbeatMs);
    const timers = clock.timers;
    const second = visit(port, { path: "/second" });
    await until(() => clock.timers > timers, "the wait for a link");
    expect(peer.unheard).toBe(0);
    peer.say({ kind: "ping", token: 1 });
    while ((await visit(port, { path: READY_TARGET })).status !== 200);
    await clock.advance(heartbeatMs);
    asked.push(await peer.nextOf("open"));
    for (const { streamId } of asked) peer.say(answerFrame(streamId, { kind: "passed" }, { ended: true }));
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  } finally {
    await edge.stop();
  }
});
