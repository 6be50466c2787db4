/**
 * Bytes both ways between a visitor's connection and an exchange, once HTTP has ended on both: with back-pressure, and each
 * way until its own end. Silence is allowed for as long as it lasts. SPEC section "Upgrades".
 */
import type { Duplex } from "node:stream";
import { StreamError } from "../../protocol/errors.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { drained } from "../../protocol/runtime/drained.ts";
import type { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import { type BodySink, PART_BYTES } from "../exchange/visitor.ts";

const NO_TRAILERS: HeaderList = [];

export class TunnelBytes {
  readonly #visitor: Duplex;
  readonly #taking: InactivityTimer;

  /** `taking` runs while the visitor does not take what is there for it. */
  constructor(visitor: Duplex, taking: InactivityTimer) {
    this.#visitor = visitor;
    this.#taking = taking;
    visitor.once("close", () => taking.stop());
  }

  /** What the visitor sends from now on goes to `sink`. */
  feed(sink: BodySink): void {
    const visitor = this.#visitor;
    sink.roomForBody = () => visitor.resume();
    sink.bodyRefused = () => {
      visitor.removeAllListeners("data");
      sink.endBody("closed", NO_TRAILERS);
      visitor.resume();
    };
    visitor.on("data", (bytes: Buffer) => {
      if (!sink.sendBody(bytes)) visitor.pause();
    });
    visitor.once("end", () => sink.endBody("complete", NO_TRAILERS));
    visitor.resume();
  }

  /** Resolves when the visitor takes more. Throws StreamError when it has left. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      if (this.#visitor.destroyed) throw new StreamError("cancelled", "the visitor has left");
      if (this.#visitor.write(bytes.subarray(at, at + PART_BYTES))) continue;
      this.#taking.start();
      await drained(this.#visitor);
      this.#taking.stop();
    }
  }

  /** The origin server has said all; the visitor may go on. */
  end(): void {
    if (!this.#visitor.destroyed) this.#visitor.end();
  }
}
