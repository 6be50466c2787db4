/** Downloads that run beside what is measured: read as fast as they come, every byte compared, broken off at the end. */
import { Agent, request } from "node:http";
import { parseHostPort } from "../../protocol/config/units.ts";
import { headersOf } from "./timed-visit.ts";
import { DOWNLOAD_PATH, downloadBlock } from "./web-server.ts";

export interface Downloads {
  /** Bytes of all bodies so far. */
  readonly received: number;
  /** What went wrong with one of them. */
  readonly flaw: string | undefined;
  stop(): void;
}

let block: Buffer | undefined;

/** Starts `count` downloads from `address`; resolves when each has its first byte. */
export async function startDownloads(
  address: string,
  count: number,
  signal?: AbortSignal,
): Promise<Downloads> {
  block ??= downloadBlock();
  const agent = new Agent();
  const stopping = new AbortController();
  const state = { received: 0, flaw: undefined as string | undefined };
  const expected = block;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const failed = (error: Error) => {
        if (!stopping.signal.aborted) state.flaw ??= `a download broke off: ${error.message}`;
        reject(error);
      };
      request(
        {
          ...parseHostPort(address),
          agent,
          path: DOWNLOAD_PATH,
          headers: headersOf("none"),
          signal: stopping.signal,
        },
        (response) => {
          if (response.statusCode !== 200) state.flaw ??= `a download got status ${response.statusCode}`;
          let at = 0;
          response.on("data", (piece: Buffer) => {
            if (!repeats(expected, at, piece)) state.flaw ??= "a download has wrong bytes";
            at += piece.length;
            state.received += piece.length;
            resolve();
          });
          response.on("error", failed);
        },
      )
        .on("error", failed)
        .end();
    });
  const stop = () => {
    stopping.abort(new Error("enough"));
    agent.destroy();
    signal?.removeEventListener("abort", stop);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await Promise.all(Array.from({ length: count }, one));
  } catch (error) {
    stop();
    throw error;
  }
  return {
    get received() {
      return state.received;
    },
    get flaw() {
      return state.flaw;
    },
    stop,
  };
}

/** Whether `piece` is what stands at `at` of `block` repeated without end. @internal */
export function repeats(block: Buffer, at: number, piece: Buffer): boolean {
  for (let done = 0; done < piece.length; ) {
    const from = (at + done) % block.length;
    const length = Math.min(block.length - from, piece.length - done);
    if (piece.compare(block, from, from + length, done, done + length) !== 0) return false;
    done += length;
  }
  return true;
}
