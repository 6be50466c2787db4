/**
 * Which codecs come out right at the other end of one link. An edge that decodes otherwise than this side codes, because one of them
 * was changed without a number of its own, asks for the plain bytes of every page: twice the bytes, for ever. So a codec of
 * which MOST_MISMATCHES deltas did not match within MISTRUST_MS is set aside for as long; the others go on, and whole pages. After
 * that one more mismatch is enough. SPEC section "Verification".
 */
import { type AgreedCodecs, codecById } from "../../../protocol/codec/codecs.ts";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import type { Log } from "../../../protocol/daemon/log.ts";
import type { Clock } from "../../../protocol/runtime/clock.ts";

/** @internal */
export const MOST_MISMATCHES = 8;
/** @internal */
export const MISTRUST_MS = 600_000;

export interface CodecTrustOptions {
  readonly keyId: string;
  readonly clock: Pick<Clock, "now">;
  readonly log: Pick<Log, "warn">;
  /** All mismatches so far, by the codec's name; of all links. */
  readonly mismatches: Map<string, number>;
}

interface Count {
  count: number;
  /** When the first of them was, or the codec was set aside. */
  since: number;
  setAside: boolean;
}

export class CodecTrust {
  readonly #options: CodecTrustOptions;
  readonly #counts = new Map<number, Count>();

  constructor(options: CodecTrustOptions) {
    this.#options = options;
  }

  /** Whether no delta is to be made by the codec of this number now. */
  mistrusts(codec: number): boolean {
    const count = this.#counts.get(codec);
    return count?.setAside === true && this.#options.clock.now() - count.since < MISTRUST_MS;
  }

  /** The edge asked for the plain bytes in place of such a delta. */
  mismatched(codec: number): void {
    const { clock, keyId, log, mismatches } = this.#options;
    const name = codecById(codec)?.name ?? String(codec);
    mismatches.set(name, (mismatches.get(name) ?? 0) + 1);
    if (this.mistrusts(codec)) return; // it was on its way already
    const now = clock.now();
    const known = this.#counts.get(codec);
    const goesOn = known !== undefined && (known.setAside || now - known.since < MISTRUST_MS);
    const count = goesOn ? known : { count: 0, since: now, setAside: false };
    this.#counts.set(codec, count);
    count.count++;
    if (count.count < MOST_MISMATCHES) return;
    count.since = now;
    count.setAside = true;
    log.warn("codec set aside", {
      key: keyId,
      codec: name,
      mismatches: count.count,
      minutes: MISTRUST_MS / 60_000,
      hint: "the edge could not rebuild pages; do both sides run the same version, and has the edge memory enough?",
    });
  }
}

/** Whether splices were agreed on, and the edge made of them what they were so far. */
export const splices = ({
  codecs,
  trust,
}: {
  readonly codecs: Pick<AgreedCodecs, "splice">;
  readonly trust: Pick<CodecTrust, "mistrusts">;
}): boolean => codecs.splice && !trust.mistrusts(spliceCodec.id);
