/**
 * A link to an edge for `check`: dialled, greeted, and ended again as soon as the edge has taken the key. It takes no
 * streams: a visitor whose request comes this way in that moment is refused here, and served over another link.
 */

import { LinkEndpoint } from "../../protocol/link/link.ts";
import type { LinkEnd } from "../../protocol/link/link-api.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { dialLink } from "../../protocol/transport/dial-link.ts";
import type { Secret } from "../../protocol/transport/key.ts";
import { dialSecurity, type EdgeToDial } from "../config/origin-config.ts";
import { keyProofOf, secretsToTry } from "../links/dial-edge.ts";

/** Enough to greet, and nothing else. */
const SMALL = { headBytes: 8 * 1024, streamsPerLink: 1, pageBytes: 0, codecs: [] };

interface Bounds {
  readonly clock: Clock;
  readonly withinMs: number;
}

/** Resolves when the edge has taken the key, with a secret that it has; rejects with an error whose message says what to do. */
export const tryEdge = async (edge: EdgeToDial, bounds: Bounds): Promise<void> => {
  let failed: unknown;
  for (const secret of secretsToTry(edge, bounds.clock)) {
    try {
      return await trySecret(edge, secret, bounds);
    } catch (error) {
      failed ??= error;
    }
  }
  throw failed;
};

const trySecret = async (edge: EdgeToDial, secret: Secret, { clock, withinMs }: Bounds): Promise<void> => {
  const transport = await dialLink({
    ...edge.address,
    security: dialSecurity(edge, secret),
    clock,
    withinMs,
  });
  const { promise: ended, resolve } = Promise.withResolvers<LinkEnd>();
  let handshaken = false;
  new LinkEndpoint({
    transport,
    hello: helloMaker({ role: "origin", ...SMALL })(),
    keyProof: keyProofOf(edge, secret),
    behindBalancer: edge.wire.mode === "certificate" && edge.wire.behindBalancer,
    clock,
    heartbeatMs: withinMs,
    handshakeMs: withinMs,
    memory: new MemoryBudget({ totalBytes: 0, shareBytes: 0 }),
    events: {
      up(link) {
        handshaken = true;
        link.close("shutting-down", "checked");
      },
      opened: (stream) => stream.reset("refused"),
      forget() {},
      pushed() {},
      draining() {},
      closed: resolve,
    },
  });
  const end = await ended;
  if (!handshaken) throw new Error(end.message);
};
