/** What a link is to those who use it, what it is given, and what it tells whoever made it. SPEC section "Link". */

import type { LinkErrorCode } from "../errors.ts";
import type { OpenFrame, VersionFrame } from "../frames/frame.ts";
import type { Hello } from "../frames/hello.ts";
import type { Clock } from "../runtime/clock.ts";
import type { MemoryBudget } from "../runtime/memory-budget.ts";
import type { Secret } from "../transport/key.ts";
import type { Transport } from "../transport/transport.ts";
import type { KeyProof } from "./handshake.ts";
import type { StreamItem } from "./send-queue.ts";
import type { Stream } from "./stream.ts";

export interface LinkEnd {
  readonly code: LinkErrorCode;
  readonly message: string;
}

export interface LinkVitals {
  /** Shortest round trip of late; 0 before the first was measured. */
  readonly rttMs: number;
  /** Of messages. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** One end of a connection between an edge and an origin side. */
export interface Link {
  /** The peer's hello, with the features that both sides speak; only once `up` was called. */
  readonly peer: Hello;
  /** The key that this link has verified; only once `up` was called. */
  readonly keyId: string;
  /** The secret of it that the peer proved; undefined at the side that dialled with a key of TLS. */
  readonly secret: Secret | undefined;
  readonly peerAddress: string;
  /** See link-label; once `up` was called. */
  readonly label: string | undefined;
  /** Whether a new stream may be opened now. */
  readonly accepts: boolean;
  /** The peer has said nothing for a while, though it was asked to: others come first. */
  readonly suspect: boolean;
  /** One of both sides has said go-away. */
  readonly draining: boolean;
  /** Streams that are open. */
  readonly load: number;
  /** Without those whose answer has left as a whole, and only waits for the edge to say that it is verified. */
  readonly underWay: number;
  readonly vitals: LinkVitals;
  /** Most bytes (as headSize counts) that a head to this peer may have. */
  readonly headBytes: number;
  /** Opens a stream; ask `accepts` first. Listen to it before the next turn of the event loop. */
  open(item: Extract<StreamItem, { kind: "open" }>): Stream;
  /** Asks the peer to forget the versions of a host, or of one URL of it. */
  forget(host: string, url: string): void;
  /** Sends a version for the peer to hold, where `peer.features` has `push`. */
  push(version: VersionFrame): void;
  /** Says go-away, so that an origin side dials its next link at once, and still opens streams here until `drain`. */
  announceEnd(message: string): void;
  /** Takes no new streams; closes when the open ones are done. */
  drain(message: string): void;
  /** Ends now: streams are lost, the peer is told why. */
  close(code: LinkErrorCode, message: string): void;
}

interface LinkEvents {
  /** The peer is known and has verified itself; streams may open. */
  up(link: Link): void;
  /** Origin side: the edge opened a stream; its frames follow. Listen to the stream before returning. */
  opened(stream: Stream, open: OpenFrame): void;
  /** The peer asks to forget versions. */
  forget(host: string, url: string): void;
  /** The peer pushes a version. Throws LinkError where it must not. */
  pushed(version: VersionFrame): void;
  /** The link is not `suspect` any more. */
  trusted?(): void;
  /** The peer takes no new streams. */
  draining(): void;
  /** Nothing comes any more; every stream has been told. Called exactly once. */
  closed(end: LinkEnd): void;
}

export interface LinkOptions {
  readonly transport: Transport;
  readonly hello: Hello;
  readonly keyProof: KeyProof;
  /** A load balancer ends the TLS connection, so keying material differs at the two ends. */
  readonly behindBalancer: boolean;
  readonly clock: Clock;
  /** Silence after which a link in use is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** Longest wait for the peer's hello and proof. */
  readonly handshakeMs: number;
  /** What larger stream windows may cost is taken from here. */
  readonly memory: MemoryBudget;
  readonly events: LinkEvents;
}
