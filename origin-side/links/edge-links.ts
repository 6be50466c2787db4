/**
 * The links to one edge: `connections` of them to each of its workers. An edge says in its hello how many workers it has, and
 * hands each connection to another one; a link to a worker that has enough is ended and dialled again. SPEC section
 * "Dialling".
 */
import type { Hello } from "../../protocol/frames/hello.ts";
import { type DialGiven, KeptLink } from "./dial-edge.ts";
import { FREE_PLACE, type LinkPlace } from "./link-slot.ts";

/** What is believed of an edge's workers: a wrong number would only cost dials. */
export const MOST_EDGE_WORKERS = 64;
/** For each worker of the edge, links in a row that may turn out to be spare before there is a pause. */
const SPARES_PER_WORKER = 2;

/** One worker of the edge, by its instance id. */
interface Reached {
  links: number;
  readonly workers: number;
}

export class EdgeLinks {
  readonly #given: Omit<DialGiven, "place">;
  readonly #kept = new Map<number, KeptLink>();
  readonly #reached = new Map<string, Reached>();
  /** Beyond the first, links are dialled one after the other: a flock of them would find the same few workers. */
  #lastTurn: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(given: Omit<DialGiven, "place">) {
    this.#given = given;
    this.#keepEnough();
  }

  /** Takes no new streams and dials no more; resolves when all links have ended, at the latest when `cut` fires. */
  async stop(cut: AbortSignal): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#kept.values()].map((link) => link.stop(cut)));
  }

  get #workers(): number {
    return Math.max(1, ...[...this.#reached.values()].map(({ workers }) => workers));
  }

  get #needed(): number {
    return this.#given.edge.connections * this.#workers;
  }

  #keepEnough(): void {
    for (let index = 0; index < this.#needed && !this.#stopping; index++) {
      if (this.#kept.has(index)) continue;
      const link = new KeptLink({ ...this.#given, place: this.#placeFor(index) });
      this.#kept.set(index, link);
      void link.over.then(() => this.#kept.delete(index));
    }
  }

  #placeFor(index: number): LinkPlace {
    const links = this;
    return {
      isNeeded: () => index < this.#needed,
      turn: () => (index < this.#given.edge.connections ? FREE_PLACE.turn() : this.#turn()),
      take: (peer) => this.#take(peer),
      get mostSpares() {
        return SPARES_PER_WORKER * links.#workers;
      },
    };
  }

  async #turn(): Promise<() => void> {
    const before = this.#lastTurn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastTurn = promise;
    await before;
    return resolve;
  }

  #take({ instanceId, workers = 1 }: Hello): (() => void) | undefined {
    const { connections } = this.#given.edge;
    const reached = this.#reached.get(instanceId) ?? {
      links: 0,
      workers: Math.min(Math.max(workers, 1), MOST_EDGE_WORKERS),
    };
    // An edge that is one program, or several behind a balancer that says nothing of them, gets them all.
    if (workers > 1 && reached.links >= connections) return undefined;
    reached.links++;
    this.#reached.set(instanceId, reached);
    this.#keepEnough();
    return () => {
      if (--reached.links === 0) this.#reached.delete(instanceId);
    };
  }
}
