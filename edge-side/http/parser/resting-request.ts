/**
 * A request that can leave its connection unread for a moment. Node reads on whenever a body is looked at, so that pausing the
 * socket alone would not last.
 */
import { IncomingMessage } from "node:http";

export class RestingRequest extends IncomingMessage {
  #resting = false;

  /** Reads nothing more of the connection, whatever becomes of this request, until `goOn`. */
  rest(): void {
    this.#resting = true;
    this.socket.pause();
  }

  goOn(): void {
    this.#resting = false;
    if (!this.socket.destroyed) super._read(0);
  }

  override _read(size: number): void {
    if (!this.#resting) super._read(size);
  }
}
