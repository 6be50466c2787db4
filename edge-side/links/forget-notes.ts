/**
 * What an operator had forgotten, for the origin sides that hold it: those whose link is up are told at once, and one
 * that was away when its link comes back. Each store is told once, so that what it has learnt since stays. Notes live
 * as long as the edge's process.
 */
import type { Link } from "../../protocol/link/link-api.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { hostName } from "../../protocol/store/partition.ts";

/** The oldest give way. @internal */
export const MOST_NOTES = 1_000;
/** What was told on a link that ends so soon afterwards may have been lost with it. */
const UNSURE_MS = 60_000;

/** What to erase: a host, or one URL of it. */
interface Erased {
  readonly host: string;
  readonly url: string | undefined;
}

interface Note extends Erased {
  /** When each store was told, by its id: milliseconds of the clock. */
  readonly told: Map<string, number>;
}

export interface ForgetNotesOptions {
  readonly clock: Clock;
  /** Whether origin sides with this key may hold pages of the host. */
  readonly mayHold: (keyId: string, host: string) => boolean;
}

export class ForgetNotes {
  readonly #options: ForgetNotesOptions;
  /** By host and URL, oldest first. */
  readonly #notes = new Map<string, Note>();

  constructor(options: ForgetNotesOptions) {
    this.#options = options;
  }

  /** Tells those of the links whose origin side may hold it, and notes it for others. */
  forget({ host, url }: Erased, links: Iterable<Link>): void {
    const note: Note = { host: hostName(host), url, told: new Map() };
    const key = JSON.stringify([note.host, url]);
    this.#notes.delete(key);
    this.#notes.set(key, note);
    const [oldest] = this.#notes.keys();
    if (this.#notes.size > MOST_NOTES && oldest !== undefined) this.#notes.delete(oldest);
    for (const link of links) this.#tell(note, link);
  }

  /** A link came up. */
  up(link: Link): void {
    for (const note of this.#notes.values()) if (!note.told.has(link.peer.storeId)) this.#tell(note, link);
  }

  /** A link is gone; `others` are up. */
  down({ peer: { storeId } }: Link, others: Iterable<Link>): void {
    const sureUntil = this.#options.clock.now() - UNSURE_MS;
    const parallel = [...others].filter(({ peer }) => peer.storeId === storeId);
    for (const note of this.#notes.values()) {
      const toldAt = note.told.get(storeId);
      if (toldAt === undefined || toldAt < sureUntil) continue;
      note.told.delete(storeId);
      for (const link of parallel) this.#tell(note, link);
    }
  }

  #tell(note: Note, link: Link): void {
    if (!this.#options.mayHold(link.keyId, note.host)) return;
    link.forget(note.host, note.url ?? "");
    note.told.set(link.peer.storeId, this.#options.clock.now());
  }
}
