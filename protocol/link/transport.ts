/**
 * What a link needs of a wire: whole binary messages, in order, both ways, and word of the end. Two implementations:
 * ws-transport (WebSocket, the only importer of ws) and memory-transport (both ends in one process, with faults).
 */

export interface TransportEvents {
  /** One whole message. Its bytes may be a slice of a larger buffer: copy what must outlive the exchange. */
  message(bytes: Buffer): void;
  /** `queuedBytes` fell to zero after it was above. */
  drain(): void;
  /** Nothing comes or goes any more; called exactly once, also after `close` and `destroy`. */
  closed(why: string): void;
}

export interface Transport {
  /** What is known of the peer: its address for logs, and the key it proved when the wire itself proved one (TLS PSK). */
  readonly peer: { readonly address: string; readonly keyId: string | undefined };
  /** Set once, before the first message can arrive: events are held until then. */
  listen(events: TransportEvents): void;
  /** Sends one message. The bytes belong to the transport from here on. */
  send(message: Uint8Array): void;
  /** Bytes accepted by `send` that the operating system has not taken yet. */
  readonly queuedBytes: number;
  /** Largest message accepted from the peer from now on; anything larger closes the transport. */
  setMaxMessageBytes(bytes: number): void;
  /** Ends in order after what is queued; `why` reaches the peer's log (at most 120 bytes are sent). */
  close(why: string): void;
  /** Ends now. */
  destroy(why: string): void;
  /**
   * Keying material bound to this very connection (RFC 5705), the same on both ends; undefined where the wire has none
   * (plain WebSocket).
   */
  exportKey(label: string, bytes: number): Buffer | undefined;
}
