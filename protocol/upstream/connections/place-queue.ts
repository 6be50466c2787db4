/**
 * Who may have a place at a web server next: networks of visitors take turns, so that a network that sends many requests
 * delays its own, and each has a share of the places, so that a network whose requests hang never holds them all.
 * Requests whose network nobody knows take turns as one more network, without a share.
 */
import { TurnoverMap, TurnoverSet } from "../../runtime/turnover.ts";

/** A request that waits for a place. */
export interface QueuedRequest {
  /** Undefined: nobody knows it. */
  readonly network: string | undefined;
}

export class PlaceQueue<Request extends QueuedRequest> {
  readonly #share: number;
  readonly #shareAlone: number;
  readonly #held = new Map<string, number>();
  /** By network, the one whose turn it is first; within one, in the order of coming. */
  readonly #waiting = new TurnoverMap<string | undefined, TurnoverSet<Request>>();
  /** Requests that wait. Written by the queue alone. */
  size = 0;

  /** `places`: all that there are. */
  constructor(places: number) {
    this.#share = shareOf(places);
    this.#shareAlone = shareAloneOf(places);
  }

  /** Whether this network may have one more place now. */
  admits(network: string | undefined): boolean {
    if (network === undefined) return true;
    const othersWait = this.size > (this.#waiting.get(network)?.size ?? 0);
    return (this.#held.get(network) ?? 0) < (othersWait ? this.#share : this.#shareAlone);
  }

  /** A place is this network's from now on. */
  hold(network: string | undefined): void {
    if (network !== undefined) this.#held.set(network, (this.#held.get(network) ?? 0) + 1);
  }

  free(network: string | undefined): void {
    if (network === undefined) return;
    const held = (this.#held.get(network) ?? 0) - 1;
    if (held > 0) this.#held.set(network, held);
    else this.#held.delete(network);
  }

  join(request: Request): void {
    const alike = this.#waiting.get(request.network) ?? new TurnoverSet<Request>();
    alike.add(request);
    this.#waiting.set(request.network, alike);
    this.size++;
  }

  /** False where it does not wait any more. */
  leave(request: Request): boolean {
    const alike = this.#waiting.get(request.network);
    if (alike?.delete(request) !== true) return false;
    if (alike.size === 0) this.#waiting.delete(request.network);
    this.size--;
    return true;
  }

  /** Whose turn it is; it stays in the queue. Undefined: nobody who waits may have a place now. */
  first(): Request | undefined {
    if (this.size === 0) return undefined;
    for (const [network, [request]] of this.#waiting) if (this.admits(network)) return request;
    return undefined;
  }

  /** It has had its turn: the next one is another network's. */
  serve(request: Request): void {
    this.leave(request);
    const { network } = request;
    const alike = this.#waiting.get(network);
    if (alike === undefined) return;
    this.#waiting.delete(network);
    this.#waiting.set(network, alike);
  }

  all(): Request[] {
    return [...this.#waiting.values()].flatMap((alike) => [...alike]);
  }
}

/** Places that a network may hold while other networks wait. */
const shareOf = (places: number): number => Math.ceil(places / 2);

/** And while none does: a quarter stays free, since requests that hang do not give their places back. */
const shareAloneOf = (places: number): number =>
  places === 1 ? 1 : places - Math.max(1, Math.floor(places / 4));
