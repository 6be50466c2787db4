/** A streaming codec that says how many calls to its encoders are under way, so that a test can wait for the thread pool. */
import type { StreamEncoder } from "../../protocol/codec/codec.ts";
import type { StreamingCodec } from "../../protocol/codec/codecs.ts";

export interface CountedCodec {
  readonly codec: StreamingCodec;
  /** Calls that have not settled. */
  underWay(): number;
}

export const countedCodec = (codec: StreamingCodec): CountedCodec => {
  let underWay = 0;
  const counted = async <T>(call: Promise<T>): Promise<T> => {
    underWay++;
    try {
      return await call;
    } finally {
      underWay--;
    }
  };
  const encoder = (bases: readonly Uint8Array[]): StreamEncoder => {
    const real = codec.streaming.encoder(bases);
    return {
      write: (piece) => counted(real.write(piece)),
      flush: () => counted(real.flush()),
      end: () => counted(real.end()),
      destroy: () => real.destroy(),
    };
  };
  return {
    codec: { ...codec, streaming: { ...codec.streaming, encoder } },
    underWay: () => underWay,
  };
};
