/**
 * Compressors of requests that stream cost memory for as long as their visitor takes: so many run at once on one link, within
 * the memory of its key. A request more goes as it is. SPEC section "Request bodies".
 */
import type { StreamEncoder } from "../../protocol/codec/codec.ts";
import { requestEncoder } from "../../protocol/codec/zstd-stream.ts";
import { CODED_REQUESTS, MOST_STREAMED_REQUESTS } from "../../protocol/frames/request-coding.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Lease, MemoryBudget } from "../../protocol/runtime/memory-budget.ts";

/** What one takes; measured 0.7 MB. @internal */
export const REQUEST_ENCODER_BYTES = 768 * 1024;

/** What is asked of a link. */
export type CodingLink = Pick<Link, "keyId"> & {
  readonly peer: { readonly features: readonly string[] };
};

/** A compressor for one request; `release` when nothing of the exchange is left, and not before. */
export interface LentEncoder {
  readonly encoder: StreamEncoder;
  release(): void;
}

export class RequestCompressorPool {
  readonly clock: Clock;
  readonly #memory: MemoryBudget;
  readonly #running = new WeakMap<CodingLink, number>();

  constructor(options: { readonly clock: Clock; readonly memory: MemoryBudget }) {
    this.clock = options.clock;
    this.#memory = options.memory;
  }

  /** Whether requests may be coded on this link at all. */
  serve(link: CodingLink): boolean {
    return link.peer.features.includes(CODED_REQUESTS);
  }

  /** For what of a request waits to be put together. */
  lease(link: CodingLink): Lease {
    return this.#memory.lease(link.keyId);
  }

  /** Undefined where as many run as may, or there is no memory for another. */
  take(link: CodingLink): LentEncoder | undefined {
    const running = this.#running.get(link) ?? 0;
    const lease = this.lease(link);
    if (running >= MOST_STREAMED_REQUESTS || !lease.grow(REQUEST_ENCODER_BYTES)) return undefined;
    this.#running.set(link, running + 1);
    let held = true;
    return {
      encoder: requestEncoder(),
      release: () => {
        if (!held) return;
        held = false;
        this.#running.set(link, (this.#running.get(link) ?? 1) - 1);
        lease.release();
      },
    };
  }
}
