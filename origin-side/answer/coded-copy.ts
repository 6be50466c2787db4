/**
 * A coded body as it came, kept while it is decoded and nothing of its answer has left: should its coding turn out to be damaged,
 * the visitor gets these very bytes, as from any proxy that leaves codings alone.
 */
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import type { BodyEnd, UpstreamBody } from "../../protocol/upstream/body.ts";

export class CodedCopy {
  /** The head that it came with. */
  readonly head: ResponseHead;
  readonly #rest: UpstreamBody;
  readonly #lease: Lease;
  #pieces: (Buffer | BodyEnd)[] | undefined = [];

  /** `rest`: where more of it comes from. `lease`: what it holds of the memory budget; a body that has no room there is not kept. */
  constructor(head: ResponseHead, rest: UpstreamBody, lease: Lease) {
    this.head = head;
    this.#rest = rest;
    this.#lease = lease;
  }

  /** Told of everything that is taken of the body. */
  hold(next: Buffer | BodyEnd): void {
    if (this.#pieces === undefined) return;
    if (!Buffer.isBuffer(next) || this.#lease.grow(next.length)) this.#pieces.push(next);
    else this.release();
  }

  /** The web server has sent all of it, and it is kept. */
  get isHere(): boolean {
    return this.isKept && this.#rest.isHere;
  }

  get isKept(): boolean {
    return this.#pieces !== undefined;
  }

  /** The body from its beginning, once nobody else takes of it. */
  async next(): Promise<Buffer | BodyEnd> {
    return this.#pieces?.shift() ?? this.#rest.next();
  }

  release(): void {
    if (this.#pieces === undefined) return;
    this.#pieces = undefined;
    this.#lease.release();
  }
}
