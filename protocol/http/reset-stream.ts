/**
 * A stream of HTTP/2 that ends in the middle. Node's own `close(code)` ends a half that is open first, and over plain TCP that end leaves
 * without the reset: the message looks complete (RFC 9113 section 8.1). Destroyed with an error, a stream is reset and nothing else.
 */
import type { Http2Stream } from "node:http2";
import { addAbortSignal } from "node:stream";

/** `cancel`: nobody wants it any more; `internal`: it broke. RFC 9113 section 7. */
export const resetStream = (stream: Http2Stream, code: "cancel" | "internal"): void => {
  if (code === "internal") {
    stream.destroy(new Error("the message broke off"));
    return;
  }
  // The one kind of error for which node says CANCEL.
  const leaving = new AbortController();
  addAbortSignal(leaving.signal, stream);
  leaving.abort();
};
