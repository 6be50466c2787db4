/** What a reader makes of a response, written again in the strictest form: each piece of a chunked body as a chunk. */
import type { ResponseSink } from "../../../../protocol/upstream/lenient/lenient-head.ts";
import type { LenientResponse } from "../../../../protocol/upstream/lenient/lenient-response.ts";

export const strictTextOf = (reader: LenientResponse, pieces: Iterable<Buffer>): string => {
  let text = "";
  let isChunked = false;
  const sink: ResponseSink = {
    headIsHere(head) {
      text += head.text;
      isChunked = head.isChunked;
    },
    pieceIsHere(bytes) {
      const piece = bytes.toString("latin1");
      text += isChunked ? `${bytes.length.toString(16)}\r\n${piece}\r\n` : piece;
    },
    messageIsOver(trailers) {
      if (!isChunked) return;
      text += "0\r\n";
      for (let i = 0; i + 1 < trailers.length; i += 2) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
      text += "\r\n";
    },
  };
  for (const piece of pieces) {
    const rest = reader.read(piece, sink);
    text += rest?.toString("latin1") ?? "";
  }
  return text;
};
