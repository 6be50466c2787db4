/**
 * What one page costs visitors with sessions of their own, who come again and again on fresh connections, each from an address of
 * its own (127.0.0.0/8): one visit at a time, its answer as the edge's access log tells it.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { parseHostPort } from "../../protocol/config/units.ts";
import { Inbox } from "../../protocol/runtime/async-queue.ts";
import type { DaemonPair } from "../rig/daemon-pair.ts";
import type { EdgeLine } from "../rig/exchange-log.ts";
import { note } from "./flaws.ts";
import { flawOf, headersOf } from "./timed-visit.ts";

/** A name that no list of harmless cookies has. */
const SESSION_COOKIE = "session";

export interface CrowdCost {
  readonly visits: number;
  /** Bytes of all answers on the link. */
  readonly answerBytes: number;
  readonly whole: number;
}

export interface Crowd {
  readonly visitors: number;
  readonly visitsEach: number;
  readonly path: string;
}

/** Rejects when the edge's log ends; wrong bodies are noted in `flaws`. */
export async function costOfCrowd(
  pair: Pick<DaemonPair, "visitors" | "exchanges">,
  { visitors, visitsEach, path }: Crowd,
  given: { readonly flaws: string[]; readonly signal?: AbortSignal | undefined },
): Promise<CrowdCost> {
  let [answerBytes, whole, visits] = [0, 0, 0];
  const lines = new Inbox<EdgeLine>();
  pair.exchanges.seenByEdge = (line) => lines.push(line);
  for (let round = 0; round < visitsEach; round += 1) {
    for (let visitor = 1; visitor <= visitors; visitor += 1) {
      given.signal?.throwIfAborted();
      const flaw = await visitAs(visitor, pair.visitors, path);
      if (flaw !== undefined) note(given.flaws, flaw);
      pair.exchanges.throwIfFailed();
      const edge = await lines.next();
      visits += 1;
      answerBytes += edge.answerBytes ?? 0;
      if (edge.answer === "whole") whole += 1;
    }
  }
  return { visits, answerBytes, whole };
}

/** Resolves with what was wrong with the answer. */
async function visitAs(visitor: number, address: string, path: string): Promise<string | undefined> {
  const localAddress = `127.1.${visitor >> 8}.${visitor & 255}`;
  const cookie = `${SESSION_COOKIE}=${String(visitor).padStart(4, "0").repeat(8)}`;
  const asked = request({
    ...parseHostPort(address),
    path,
    localAddress,
    headers: { ...headersOf("none"), Cookie: cookie },
    agent: new Agent({ keepAlive: false }),
  });
  asked.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once("response", resolve).once("error", reject);
  });
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return flawOf(response, Buffer.concat(pieces));
}
