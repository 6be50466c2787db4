/**
 * A link to an edge for `check`: dialled, greeted, and ended again as soon as the edge has taken the key. It takes no
 * streams: a visitor whose request comes this way in that moment is refused here, and served over another link.
 */
import { ByteBudget } from "../protocol/kit/byte-budget.ts";
import type { Clock } from "../protocol/kit/clock.ts";
import { dialLink } from "../protocol/link/dial-link.ts";
import { Link, type LinkEnd } from "../protocol/link/link.ts";
import { helloMaker } from "../protocol/link/own-hello.ts";
import { dialSecurity, type EdgeToDial } from "./config.ts";
import { keyProofOf } from "./dial-edge.ts";

/** Enough to greet, and nothing else. */
const SMALL = { headBytes: 8 * 1024, streamsPerLink: 1, pageBytes: 0, codecs: [] };

/** Resolves when the edge has taken the key; rejects with an error whose message says what to do. */
export const tryEdge = async (
  edge: EdgeToDial,
  { clock, withinMs }: { readonly clock: Clock; readonly withinMs: number },
): Promise<void> => {
  const transport = await dialLink({ ...edge.address, security: dialSecurity(edge), clock, withinMs });
  const { promise: ended, resolve } = Promise.withResolvers<LinkEnd>();
  let greeted = false;
  new Link({
    transport,
    hello: helloMaker({ role: "origin", ...SMALL })(),
    keyProof: keyProofOf(edge),
    behindBalancer: edge.wire.mode === "certificate" && edge.wire.behindBalancer,
    clock,
    heartbeatMs: withinMs,
    greetingMs: withinMs,
    memory: new ByteBudget({ totalBytes: 0, shareBytes: 0 }),
    events: {
      up(link) {
        greeted = true;
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
  if (!greeted) throw new Error(end.message);
};
