/**
 * What a link needs of a wire: whole binary messages, in order, both ways, and word of the end. Implemented by ws-transport
 * (WebSocket, the only importer of ws), and for tests by test/kit/memory-transport (both ends in one process, with faults).
 * Both obey the rules written here; test/protocol/link holds them to it. SPEC section "Transport".
 */

import type { Secret } from "./key.ts";

/** Largest message, and about what a peer may send altogether, before `setMaxMessageBytes` is called. */
export const FIRST_MESSAGE_BYTES = 1024;

/** The highest bound that `setMaxMessageBytes` takes: what one message can make the receiving side hold. */
export const MAX_MESSAGE_BYTES = 128 * 1024;

/** UTF-8 bytes of a closing reason that cross the wire; a WebSocket close frame has room for 123. @internal */
export const CLOSE_REASON_BYTES = 120;

/** An orderly `close` that the peer does not complete within this time ends as `destroy` does. */
export const CLOSE_MS = 5_000;

export interface TransportEvents {
  /** One whole message. Its bytes may be a slice of a larger buffer: copy what must outlive the exchange. */
  message(bytes: Buffer): void;
  /** `queuedBytes` fell to zero after it was seen above. */
  drain(): void;
  /**
   * Nothing comes or goes any more. Called exactly once, also after `close` and `destroy`, never from inside them: with
   * this side's reason if it ended the transport, else the peer's, else what happened to the connection.
   */
  closed(why: string): void;
}

export interface Transport {
  /** What is known of the peer: its address for logs, and the key it verified if the wire itself verified one (TLS PSK),
   * to a listener with the secret of it. */
  readonly peer: { readonly address: string; readonly keyId: string | undefined; readonly secret?: Secret };
  /** Set once, before the first message can arrive: events are held until then. */
  listen(events: TransportEvents): void;
  /** Sends one message. The bytes belong to the transport from here on. Does nothing once the transport is ending. */
  send(message: Uint8Array): void;
  /** Bytes accepted by `send` that the operating system has not taken yet. Whoever saw some hears `drain` once there are none. */
  readonly queuedBytes: number;
  /**
   * Largest message accepted from the peer from now on, FIRST_MESSAGE_BYTES until then; anything larger closes the
   * transport. The first call is also the link's word that the peer has verified itself: it ends the time and the place
   * among the unverified that a listener grants. Call it before `message` returns for the message that verifies the peer,
   * because the next one may follow in the same turn. Throws RangeError above MAX_MESSAGE_BYTES.
   */
  setMaxMessageBytes(bytes: number): void;
  /** Reads nothing more of the peer until `resume`; messages that have been read still come. */
  pause(): void;
  resume(): void;
  /**
   * Ends in order after what is queued; `why` reaches the peer's log (at most CLOSE_REASON_BYTES are sent). No message
   * is delivered after this call.
   */
  close(why: string): void;
  /** Ends now; what is queued is lost. No message is delivered after this call. */
  destroy(why: string): void;
  /**
   * Keying material bound to this very connection (RFC 5705), the same on both ends; undefined where the wire has none
   * (plain WebSocket, or a connection already gone).
   */
  exportKey(label: string, bytes: number): Buffer | undefined;
}

/** A closing reason as it crosses the wire: at most CLOSE_REASON_BYTES, cut between characters. */
export const clipReason = (why: string): string => {
  const bytes = Buffer.from(why);
  if (bytes.length <= CLOSE_REASON_BYTES) return why;
  let end = CLOSE_REASON_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
};

/** Both implementations say it in these words. */
export const tooLarge = (bytes: number, allowed: number): string =>
  `a message of ${bytes} bytes is larger than the ${allowed} bytes allowed here`;

/** Checks an argument of `setMaxMessageBytes`. */
export const checkMaxMessageBytes = (bytes: number): number => {
  if (Number.isInteger(bytes) && bytes > 0 && bytes <= MAX_MESSAGE_BYTES) return bytes;
  throw new RangeError(`a message bound is a whole number from 1 to ${MAX_MESSAGE_BYTES}, not ${bytes}`);
};
