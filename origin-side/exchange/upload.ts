/**
 * A request's body as it comes over the link, until the answer is complete; what comes then is dropped. Window goes back as the
 * body is pulled.
 */
import type { StreamError } from "../../protocol/errors.ts";
import { type HeaderList, NO_FIELDS } from "../../protocol/http/header-list.ts";
import { Inbox } from "../../protocol/link/inbox.ts";
import type { Stream } from "../../protocol/link/stream.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import type { CodedBody, SegmentDigest } from "./coded-body.ts";

/** What is left of a body that nobody reads any more. */
const GIVEN_UP: BodyEnd = { how: "closed", trailers: NO_FIELDS };

export class Upload implements CodedBody {
  readonly #stream: Stream;
  readonly #end: (why: string) => void;
  readonly #arrived = new Inbox<Uint8Array, SegmentDigest | BodyEnd>(() => this.#stream.lease());
  #trailers = NO_FIELDS;
  #phase: "receiving" | "received" | "refused" = "receiving";

  /** `end`: ends the exchange, which says why. */
  constructor(stream: Stream, end: (why: string) => void) {
    this.#stream = stream;
    this.#end = end;
  }

  next(): Promise<Uint8Array | SegmentDigest | BodyEnd> {
    return this.#arrived.next();
  }

  taken(bytes: number): void {
    this.#stream.taken(bytes);
  }

  /** What is under way is dropped, and its window given back, or the edge could never get to the end of it. */
  refuse(): void {
    if (this.#phase === "receiving") this.#stream.stopSending("cancelled");
    if (this.#phase === "refused") return;
    this.#phase = "refused";
    while (this.#arrived.length > 0) {
      const waiting = this.#arrived.take();
      if (waiting instanceof Uint8Array) this.#stream.taken(waiting.length);
    }
    this.#arrived.push(GIVEN_UP);
  }

  // From here on: as frames come.

  piece(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#phase === "refused") this.#stream.taken(bytes.length);
    else this.#accept(bytes);
  }

  digest(digest: string): void {
    if (this.#phase !== "refused") this.#accept({ digest });
  }

  trailers(trailers: HeaderList): void {
    this.#trailers = trailers;
  }

  end(how: BodyEnd["how"]): void {
    if (this.#phase !== "receiving") return;
    this.#phase = "received";
    this.#arrived.push({ how, trailers: this.#trailers });
  }

  fail(error: StreamError): void {
    this.#arrived.fail(error);
  }

  #accept(next: Uint8Array | SegmentDigest): void {
    if (!this.#arrived.accept(next))
      this.#end("no room in memory.perKey for the frames of a request's body that wait");
  }
}
