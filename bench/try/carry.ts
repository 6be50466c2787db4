/**
 * Carries one answer of a site through a real pair, and straight, over the same emulated line: what crossed the link, how long it took, and
 * whether the visitor has each byte of it. What the site says is served by a web server of our own, so a page that changes with
 * every request is no fault: it is compared with what was fetched, not with what another request would fetch.
 */
import type { Clock } from "../../protocol/runtime/clock.ts";
import { firstDifference } from "../frameworks/differences.ts";
import type { ReplayOrigin } from "../replay/replay-origin.ts";
import { loggedExchange } from "../replay/replay-visits.ts";
import { bytesBetween, type CountingRelay } from "../rig/counting-relay.ts";
import type { Answer, ExchangeLog } from "../rig/exchange-log.ts";
import type { Visit, Visitor } from "../rig/visitor.ts";
import type { SiteAnswer } from "./site-client.ts";

interface Times {
  readonly firstByteMs: number;
  readonly wholeMs: number;
}

export interface Carried {
  readonly answer: Answer | null;
  /** Why the answer was whole or passed; null where it had a base. */
  readonly reason: string | null;
  /** Bytes of the answer's body on the link. */
  readonly answerBytes: number;
  /** Everything on the link's socket, both ways. */
  readonly linkBytes: number;
  readonly pair: Times | null;
  readonly straight: Times | null;
  /** What did not come as it was fetched; null where every byte did. */
  readonly fault: string | null;
}

export interface Carrier {
  readonly origin: Pick<ReplayOrigin, "publish">;
  /** Asks the edge, and the web server over a line of its own. */
  readonly pair: Pick<Visitor, "visit">;
  readonly straight: Pick<Visitor, "visit">;
  readonly link: Pick<CountingRelay, "read">;
  readonly exchanges: ExchangeLog;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects when a daemon dies or the signal fires; a bad answer is a fault. */
export async function carry(fetched: SiteAnswer, carrier: Carrier): Promise<Carried> {
  const { origin, link, exchanges, signal } = carrier;
  const { url, status, head, sent, body, cookie, authorization } = fetched;
  const path = url.pathname + url.search;
  const contentType = head.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  const visit: Visit = { host: url.host, path, contentType, cookie, authorization };
  origin.publish({ host: url.host, path, status, head, body: sent });
  const straight = await timesOf(carrier.straight, visit, signal);
  const before = link.read();
  try {
    const seen = await carrier.pair.visit(visit, signal);
    const { edge, origin } = await loggedExchange(visit, carrier);
    const crossed = bytesBetween(before, link.read());
    return {
      answer: edge.answer ?? null,
      reason: (edge.reason === "origin-side" ? origin?.reason : undefined) ?? edge.reason ?? null,
      answerBytes: edge.answerBytes ?? 0,
      linkBytes: crossed.toEdge + crossed.toOrigin,
      pair: { firstByteMs: seen.firstByteMs, wholeMs: seen.wholeMs },
      straight,
      fault: faultIn({ status, body }, seen),
    };
  } catch (error) {
    signal?.throwIfAborted();
    exchanges.throwIfFailed();
    const crossed = bytesBetween(before, link.read());
    return {
      answer: null,
      reason: null,
      answerBytes: 0,
      linkBytes: crossed.toEdge + crossed.toOrigin,
      pair: null,
      straight,
      fault: error instanceof Error ? error.message : String(error),
    };
  }
}

const faultIn = (
  fetched: Pick<SiteAnswer, "status" | "body">,
  seen: { readonly status: number; readonly body: Buffer },
): string | null => {
  if (seen.status !== fetched.status) return `status ${seen.status} in place of ${fetched.status}`;
  return seen.body.equals(fetched.body)
    ? null
    : `other bytes than were fetched, ${firstDifference(fetched.body, seen.body)}`;
};

async function timesOf(
  visitor: Pick<Visitor, "visit">,
  visit: Visit,
  signal: AbortSignal | undefined,
): Promise<Times | null> {
  try {
    const { firstByteMs, wholeMs } = await visitor.visit(visit, signal);
    return { firstByteMs, wholeMs };
  } catch {
    // Only the way through the pair is on trial; without a straight time there is nothing to compare.
    signal?.throwIfAborted();
    return null;
  }
}
