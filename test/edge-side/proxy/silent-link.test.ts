/** What was on a link that went silent has waited already, and waits for another link only a little longer. */
import { expect, it, onTestFinished } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { openEdgeHalf, wiredHalf } from "../../kit/halves.ts";
import { memoryPair } from "../../kit/memory-transport.ts";
import { answerFrame, ScriptedPeer } from "../../kit/scripted-peer.ts";
import { type Asking, visit } from "../../kit/visits.ts";

/** Heartbeat of these links; the other times are to it as they are by default. */
const BEAT_MS = 60_000;
const LINK_MS = 5 * BEAT_MS;

/** A visit is on the only link, which goes silent so many beats later. */
const onSilentLink = async (beats: number, asking: Asking = {}) => {
  const clock = new FakeClock();
  const edge = await openEdgeHalf({ clock, linkMs: LINK_MS, originAnswerMs: 60 * BEAT_MS });
  onTestFinished(() => edge[Symbol.asyncDispose]());
  const [scripted, real] = memoryPair({ keyId: "k" });
  const origin = new ScriptedPeer(scripted, "origin");
  await edge.join(real);
  const visited = visit(edge.port, asking);
  await origin.nextOf("open");
  await clock.advance(beats * BEAT_MS);
  scripted.faults.lose();
  return { clock, edge, visited };
};

it("a GET is refused within six beats where no other link comes", async () => {
  const { clock, edge } = await onSilentLink(0);
  await clock.advance(5.5 * BEAT_MS);
  expect(edge.records).toEqual([]);
  await clock.advance(0.5 * BEAT_MS);
  expect(edge.records).toMatchObject([{ status: 503 }]);
});

it("a POST is refused when its link is given up", async () => {
  const { clock, edge } = await onSilentLink(0, { method: "POST", body: Buffer.from("one") });
  await clock.advance(5.5 * BEAT_MS);
  expect(edge.records).toMatchObject([{ status: 502, failed: "link-lost" }]);
});

it.each([
  ["that has just come", 0, 5.9],
  ["that took long already", 20, 5.4],
])("a GET %s is answered over a link that comes after the silent one", async (_, before, after) => {
  const { clock, edge, visited } = await onSilentLink(before);
  await clock.advance(after * BEAT_MS);
  expect(edge.pool.links.size).toBe(0);
  const { peer } = await wiredHalf(edge, "origin");
  const { streamId } = await peer.nextOf("open");
  const head = [":status", "200"];
  peer.say(answerFrame(streamId, { kind: "passed" }, { head, body: Buffer.from("ok"), ended: true }));
  expect((await visited).body.toString()).toBe("ok");
});
