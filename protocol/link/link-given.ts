/** What a link is given, and what it tells whoever made it. SPEC section "Link". */
import type { ByteBudget } from "../kit/byte-budget.ts";
import type { Clock } from "../kit/clock.ts";
import type { LinkErrorCode } from "../wire/errors.ts";
import type { OpenFrame, VersionFrame } from "../wire/frame.ts";
import type { Hello } from "../wire/hello.ts";
import type { KeyProof } from "./greeting.ts";
import type { Link } from "./link.ts";
import type { Stream } from "./stream.ts";
import type { Transport } from "./transport.ts";

export interface LinkEnd {
  readonly code: LinkErrorCode;
  readonly message: string;
}

export interface LinkEvents {
  /** The peer is known and has proved itself; streams may open. */
  up(link: Link): void;
  /** Origin side: the edge opened a stream; its frames follow. Listen to the stream before returning. */
  opened(stream: Stream, open: OpenFrame): void;
  /** The peer asks to forget versions. */
  forget(host: string, url: string): void;
  /** The peer pushes a version. Throws LinkError where it must not. */
  pushed(version: VersionFrame): void;
  /** The peer takes no new streams. */
  draining(): void;
  /** Nothing comes any more; every stream has been told. Called exactly once. */
  closed(end: LinkEnd): void;
}

export interface LinkGiven {
  readonly transport: Transport;
  readonly hello: Hello;
  readonly keyProof: KeyProof;
  /** A load balancer ends the TLS connection, so keying material differs at the two ends. */
  readonly behindBalancer: boolean;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** Longest wait for the peer's hello and proof. */
  readonly greetingMs: number;
  /** What larger stream windows may cost is taken from here. */
  readonly memory: ByteBudget;
  readonly events: LinkEvents;
}
