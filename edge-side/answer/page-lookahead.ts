/**
 * A page as it comes out of its answer, with a look at what is here already: a page that is all here can be sent with its
 * length, and one whose origin pauses is flushed. Looking waits for one turn of the event loop at most, never for time.
 */
import type { BodyEnd } from "../../protocol/upstream/body.ts";

type Step = IteratorResult<Buffer, BodyEnd>;

export interface WholePage {
  /** Taken away by who sends it as something smaller, so that nothing holds it any more. */
  page: Buffer;
  readonly end: BodyEnd;
}

const NOTHING = Buffer.alloc(0);

export class PageLookahead {
  readonly #steps: AsyncGenerator<Buffer, BodyEnd>;
  /** Asked for, and not given out. */
  readonly #ahead: Promise<Step>[] = [];
  /** Given out so far. */
  bytes = 0;

  constructor(steps: AsyncGenerator<Buffer, BodyEnd>) {
    this.#steps = steps;
  }

  /** The page, if all of it is here. `isBuffered`: it comes whole or not at all, and is worth waiting for. */
  async whole(isBuffered: boolean): Promise<WholePage | undefined> {
    if (!isBuffered && !(await this.ready())) return undefined;
    const first = await this.#asked(0);
    if (first.done) return { page: NOTHING, end: first.value };
    if (!(await this.#isHere(this.#asked(1)))) return undefined;
    const second = await this.#asked(1);
    if (!second.done) return undefined;
    this.bytes += first.value.length;
    this.#ahead.length = 0;
    return { page: first.value, end: second.value };
  }

  /**
   * The page, if all of it is here and no longer than this: pieces that are here already are put together. Before
   * anything else is asked for.
   */
  async gathered(mostBytes: number): Promise<WholePage | undefined> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    while (bytes <= mostBytes && (await this.#isHere(this.#asked(pieces.length)))) {
      const step = await this.#asked(pieces.length).catch(() => undefined);
      if (step === undefined) return undefined; // fails where it is sent
      if (!step.done) {
        pieces.push(step.value);
        bytes += step.value.length;
        continue;
      }
      this.bytes = bytes;
      this.#ahead.length = 0;
      return { page: pieces.length === 1 ? (pieces[0] ?? NOTHING) : Buffer.concat(pieces), end: step.value };
    }
    return undefined;
  }

  /** Whether the next piece, or the end, is here. */
  ready(): Promise<boolean> {
    return this.#isHere(this.#asked(0));
  }

  async next(): Promise<Step> {
    const step = await this.#asked(0);
    this.#ahead.shift();
    if (!step.done) this.bytes += step.value.length;
    return step;
  }

  /** Nothing more is wanted. */
  close(): void {
    this.#steps.return({ how: "closed", trailers: [] }).catch(() => undefined);
  }

  #asked(at: number): Promise<Step> {
    const known = this.#ahead[at];
    if (known !== undefined) return known;
    const step = this.#steps.next();
    // Its failure is heard where it is waited for.
    step.catch(() => undefined);
    this.#ahead.push(step);
    return step;
  }

  async #isHere(step: Promise<Step>): Promise<boolean> {
    const turn = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
    const here = step.then(
      () => true,
      () => true,
    );
    return Promise.race([here, turn]);
  }
}
