/**
 * A visitor's body on its way to the web server, no faster than it is taken there. A body that was given up, or is not as
 * long as its head says, ends its connection in the middle, so it can never look complete (RFC 9112 section 8).
 */
import type { ClientRequest as OutgoingRequest } from "node:http";
import type { HeaderList } from "../http/header-list.ts";
import type { RequestBody } from "./body.ts";

/** Told as the body goes out. */
export interface BodyProgress {
  /** More of the body has to come. */
  waiting(): void;
  /** It has come. */
  came(): void;
  /** A piece has left. */
  sent(): void;
}

/**
 * Resolves when the body has been handed over, or will never be. Rejects with what `body` rejects with. `bodyBytes`: as its
 * head says; undefined: it is chunked.
 */
export const sendBody = async (
  outgoing: OutgoingRequest,
  body: RequestBody,
  bodyBytes: number | undefined,
  progress: BodyProgress,
): Promise<void> => {
  for (let bytes = 0; ; ) {
    progress.waiting();
    const next = await body.next();
    progress.came();
    if (outgoing.destroyed) return;
    if (!(next instanceof Uint8Array)) {
      if (next.how === "complete" && bytes === (bodyBytes ?? bytes)) return finish(outgoing, next.trailers);
      outgoing.destroy(new Error("the visitor's body was given up"));
      return;
    }
    bytes += next.length;
    if (bytes > (bodyBytes ?? bytes)) {
      outgoing.destroy(new Error("the visitor's body is longer than its Content-Length"));
      return;
    }
    if (!outgoing.write(next)) await drained(outgoing);
    body.taken(next.length);
    progress.sent();
  }
};

/** Only a chunked body can have trailers; those of another are left out (RFC 9110 section 6.5). */
const finish = (outgoing: OutgoingRequest, trailers: HeaderList): void => {
  if (trailers.length > 0 && outgoing.chunkedEncoding) outgoing.addTrailers(pairs(trailers));
  outgoing.end();
};

const pairs = (fields: HeaderList): [string, string][] =>
  Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] ?? "", fields[2 * i + 1] ?? ""]);

/** Resolves when it takes more, or nothing any more. */
const drained = (outgoing: OutgoingRequest): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.on("drain", done).on("close", done);
  });
