/**
 * A visitor's body on its way to the web server, no faster than it is taken there. A body that was given up, or is not as
 * long as its head says, ends its connection in the middle, so it can never look complete (RFC 9112 section 8).
 */
import type { ClientRequest as OutgoingRequest } from "node:http";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { ClientEvents, ClientRequest } from "./http-client.ts";

/** Resolves when the body has been handed over, or will never be. True: handed over, as a whole. */
export const sendBody = async (
  outgoing: OutgoingRequest,
  { body, bodyBytes }: ClientRequest,
  events: Pick<ClientEvents, "wantsBody" | "sent">,
): Promise<boolean> => {
  if (body === undefined) {
    outgoing.end();
    return true;
  }
  for (let bytes = 0; ; ) {
    events.wantsBody(true);
    const next = await body.next();
    events.wantsBody(false);
    if (outgoing.destroyed) return false;
    if (!(next instanceof Uint8Array)) {
      if (next.how === "complete" && bytes === (bodyBytes ?? bytes)) return finish(outgoing, next.trailers);
      outgoing.destroy(new Error("the visitor's body was given up"));
      return false;
    }
    bytes += next.length;
    if (bytes > (bodyBytes ?? bytes)) {
      outgoing.destroy(new Error("the visitor's body is longer than its Content-Length"));
      return false;
    }
    if (!outgoing.write(next)) await drained(outgoing);
    body.taken(next.length);
    events.sent();
  }
};

/** Only a chunked body can have trailers; those of another are left out (RFC 9110 section 6.5). */
const finish = (outgoing: OutgoingRequest, trailers: HeaderList): true => {
  if (trailers.length > 0 && outgoing.chunkedEncoding) outgoing.addTrailers(pairs(trailers));
  outgoing.end();
  return true;
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
