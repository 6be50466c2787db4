/**
 * Bytes both ways between a visitor's connection and an exchange, once HTTP has ended on both: with back-pressure, and each
 * way until its own end. Silence is allowed for as long as it lasts. SPEC section "Upgrades".
 */
import type { Duplex } from "node:stream";
import { NO_FIELDS } from "../../protocol/http/header-list.ts";
import { drained } from "../../protocol/runtime/drained.ts";
import type { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import type { UploadBody, UploadConnection } from "../exchange/upload-body.ts";
import { hasLeft, PART_BYTES } from "../exchange/visitor.ts";

export class UpgradedStream implements UploadConnection {
  readonly #visitor: Duplex;
  readonly #taking: InactivityTimer;
  readonly #breakOff: () => void;
  #feeds = false;

  /**
   * `taking` runs while the visitor does not take what is there for it. `breakOff` ends the connection so that its visitor does not
   * take it for an orderly end.
   */
  constructor(visitor: Duplex, taking: InactivityTimer, breakOff: () => void) {
    this.#visitor = visitor;
    this.#taking = taking;
    this.#breakOff = breakOff;
    visitor.once("close", () => taking.stop());
  }

  /** HTTP has ended: what the visitor sends from now on comes out of `body`. */
  feed(body: UploadBody): void {
    const visitor = this.#visitor;
    this.#feeds = true;
    visitor.on("data", (bytes: Buffer) => body.push(bytes));
    visitor.once("end", () => body.end(NO_FIELDS));
    visitor.resume();
  }

  readBody(): void {
    this.#visitor.resume();
  }

  restBody(): void {
    this.#visitor.pause();
  }

  dropBody(): void {
    this.#visitor.removeAllListeners("data");
    this.#visitor.resume();
  }

  bodyLost(): void {
    if (this.#feeds) this.#breakOff();
  }

  /** Resolves when the visitor takes more. Throws StreamError when it has left. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      if (this.#visitor.destroyed) throw hasLeft();
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
