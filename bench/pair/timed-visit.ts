/**
 * A visitor whose visits are timed: one connection that is kept, one page at a time. The clock runs from the request's
 * first byte to the answer's head and to its last byte; undoing a coding and checking the body come after.
 */
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Socket } from "node:net";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, zstdDecompress } from "node:zlib";
import { parseHostPort } from "../../protocol/config/units.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { flawIn } from "./pages.ts";

/** The host name that the pair serves. */
export const HOST = "pair.test";

/** Longer than this is an error. */
const VISIT_MS = 60_000;

export const ENCODINGS = ["none", "gzip, br"] as const;
/** As the browsers of today send it. */
export const BROWSER_ENCODINGS = "gzip, deflate, br, zstd";
/** What a visitor accepts; "none" sends no Accept-Encoding. */
export type Encodings = (typeof ENCODINGS)[number] | typeof BROWSER_ENCODINGS;

/** Request headers of a visitor of `HOST`, a browser's in kind and number. */
export const headersOf = (encodings: Encodings): Record<string, string> => ({
  Host: HOST,
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language": "en-GB,en;q=0.8",
  ...(encodings === "none" ? {} : { "Accept-Encoding": encodings }),
});

interface TimedVisit {
  /** From the request's first byte to the answer's head, and to its last byte. */
  readonly firstMs: number;
  readonly ms: number;
  /** Bytes on the visitor's connection, both ways. */
  readonly bytes: number;
  /** Why the answer is not what it should be; undefined if it is. */
  readonly flaw: string | undefined;
}

export interface TimedVisitor {
  /** Never rejects for a bad answer: that is a flaw. Rejects when `signal` fires. */
  visit(path: string, encodings: Encodings, signal?: AbortSignal): Promise<TimedVisit>;
  close(): void;
}

/** What is wrong with a body that came with an entity tag; undefined if nothing is. */
export type FlawIn = (body: Buffer, tag: string | undefined) => string | undefined;

/** `flaw` says what is wrong with a page; those of pages.ts say so themselves. */
export function timedVisitor(address: string, clock: Clock, flaw: FlawIn = flawIn): TimedVisitor {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const to = parseHostPort(address);
  return {
    async visit(path, encodings, signal) {
      const from = performance.now();
      try {
        return await clock.within(VISIT_MS, signal, async (within) => {
          const options = { ...to, agent, path, headers: headersOf(encodings), signal: within };
          const { response, socket, bytesBefore } = await answerTo(options);
          const firstMs = performance.now() - from;
          const coded = await bodyOf(response);
          const ms = performance.now() - from;
          const bytes = bytesOn(socket) - bytesBefore;
          return { firstMs, ms, bytes, flaw: await flawOf(response, coded, flaw) };
        });
      } catch (error) {
        signal?.throwIfAborted();
        const failure = error instanceof Error ? error.message : String(error);
        const ms = performance.now() - from;
        return { firstMs: ms, ms, bytes: 0, flaw: failure };
      }
    },
    close: () => agent.destroy(),
  };
}

interface Answer {
  readonly response: IncomingMessage;
  readonly socket: Socket;
  /** On this connection, of earlier visits. */
  readonly bytesBefore: number;
}

const answerTo = (options: RequestOptions): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request(options).on("error", reject);
    asked.once("socket", (socket) => {
      const bytesBefore = bytesOn(socket);
      asked.once("response", (response) => resolve({ response, socket, bytesBefore }));
    });
    asked.end();
  });

const bytesOn = (socket: Socket): number => socket.bytesRead + socket.bytesWritten;

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const UNDO: Readonly<Record<string, (coded: Buffer) => Promise<Buffer>>> = {
  gzip: promisify<Buffer, Buffer>(gunzip),
  br: promisify<Buffer, Buffer>(brotliDecompress),
  zstd: promisify<Buffer, Buffer>(zstdDecompress),
};

/** What is wrong with an answer whose body, as coded, is `coded`. */
async function flawOf(
  { statusCode, headers }: Pick<IncomingMessage, "statusCode" | "headers">,
  coded: Buffer,
  flaw: FlawIn,
): Promise<string | undefined> {
  if (statusCode !== 200) return `status ${statusCode}`;
  const coding = headers["content-encoding"];
  const undo = coding === undefined ? (body: Buffer) => Promise.resolve(body) : UNDO[coding];
  if (undo === undefined) return `a coding that nobody asked for: ${coding}`;
  try {
    return flaw(await undo(coded), headers.etag);
  } catch (error) {
    return `a body that is not ${coding}: ${error instanceof Error ? error.message : error}`;
  }
}
