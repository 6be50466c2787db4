/**
 * A request whose body may come in very many small pieces. Its connection can be left unread for a moment: node reads on whenever
 * a body is looked at, so that pausing the socket alone would not last.
 */
import { IncomingMessage } from "node:http";
import { PieceTurns, type SmallPieceTurns } from "./small-piece-turns.ts";
import { SmallPieces } from "./small-pieces.ts";

/** The class of a listener's requests, whose connections take these turns. */
export const restingRequests = (turns: SmallPieceTurns): typeof IncomingMessage =>
  class extends RestingRequest {
    protected override readonly turns = turns;
  };

abstract class RestingRequest extends IncomingMessage {
  protected abstract readonly turns: SmallPieceTurns;
  #resting = false;
  #pieces: SmallPieces | undefined;

  override push(piece: Buffer | null): boolean {
    if (piece === null) {
      this.#pieces?.flush();
      return super.push(piece);
    }
    this.#pieces ??= this.#newPieces();
    return this.#pieces.push(piece);
  }

  override _read(size: number): void {
    if (!this.#resting) super._read(size);
  }

  #newPieces(): SmallPieces {
    const turns = new PieceTurns(this.turns, {
      rest: () => {
        this.#resting = true;
        this.socket.pause();
      },
      goOn: () => {
        this.#resting = false;
        if (!this.socket.destroyed) super._read(0);
      },
    });
    return new SmallPieces(this, (piece) => super.push(piece), turns);
  }
}
