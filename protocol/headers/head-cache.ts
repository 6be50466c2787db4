/**
 * The last heads of one direction of a link, one for each of a few lists of names: the next head with the same names in the
 * same order is told by what changed. The encoder chooses the place of a new head, the decoder does as it is told. SPEC
 * section "Changes".
 */
import { LinkError } from "../errors.ts";
import type { HeaderList } from "../http/header-list.ts";
import { ENTRY_OVERHEAD_BYTES } from "./header-table.ts";
import { mayBeSpelled } from "./indexing-rules.ts";

/** Places for heads. */
export const MOST_REMEMBERED = 32;
/** A head may cost at most this part of the header table's bound: all together twice the table. */
const SHARE_OF_TABLE = 16;

/** What a head costs where it is remembered: as entries of the header table would. */
export const headCost = (head: HeaderList): number => {
  let bytes = (head.length / 2) * ENTRY_OVERHEAD_BYTES;
  for (const part of head) bytes += part.length;
  return bytes;
};

/** Largest cost of a head that is remembered beside a table of `tableBytes`. */
export const mostRememberedCost = (tableBytes: number): number => Math.floor(tableBytes / SHARE_OF_TABLE);

interface Remembered {
  readonly place: number;
  /** Of each field, whether its name is one whose value may have to be spelled though it stayed; undefined: of none. */
  readonly mayBeSpelled: readonly boolean[] | undefined;
  head: HeaderList;
  /** The list that it was made of. */
  of: HeaderList;
}

export type AlikeHead = Readonly<Remembered>;

/** Of the encoder: finds a head with the same names. */
export class AlikeHeads {
  /** Last used first. */
  readonly #byUse: Remembered[] = [];

  /** The head that was made of this very list. */
  madeOf(list: HeaderList): AlikeHead | undefined {
    for (let at = 0; at < this.#byUse.length; at++) if (this.#byUse[at]?.of === list) return this.#used(at);
    return undefined;
  }

  /** A head with the same names in the same order, and its place; `head`, made of `list`, stands there from now on. */
  exchange(head: HeaderList, list: HeaderList): AlikeHead | undefined {
    const found = this.#used(this.#byUse.findIndex((remembered) => isAlike(remembered.head, head)));
    if (found === undefined) return undefined;
    const before = { ...found };
    found.head = head;
    found.of = list;
    return before;
  }

  /** Remembers a head of new names, in the place that was not used for longest; returns the place. */
  add(head: HeaderList, list: HeaderList): number {
    const place = this.#byUse.length < MOST_REMEMBERED ? this.#byUse.length : (this.#byUse.pop()?.place ?? 0);
    const spelled = mayBeSpelled(head);
    this.#byUse.unshift({
      place,
      head,
      mayBeSpelled: spelled.includes(true) ? spelled : undefined,
      of: list,
    });
    return place;
  }

  #used(at: number): Remembered | undefined {
    const found = this.#byUse[at];
    if (found === undefined || at === 0) return found;
    this.#byUse.splice(at, 1);
    this.#byUse.unshift(found);
    return found;
  }
}

/** Names stand at even numbers. */
const isAlike = (a: HeaderList, b: HeaderList): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 2) if (a[i] !== b[i]) return false;
  return true;
};

/** `fields`: the same head, as it is given out. */
export interface PlacedHead {
  readonly head: HeaderList;
  readonly fields: HeaderList;
}

/** Of the decoder: by place. */
export class PlacedHeads {
  readonly #heads: PlacedHead[] = [];
  readonly #mostCost: number;

  constructor(tableBytes: number) {
    this.#mostCost = mostRememberedCost(tableBytes);
  }

  /** Throws LinkError where nothing is remembered. */
  at(place: number): PlacedHead {
    const head = this.#heads[place];
    if (head === undefined) throw new LinkError("header-table", `no head is remembered at ${place}`);
    return head;
  }

  /** Throws LinkError for a head larger than may be remembered. */
  set(place: number, placed: PlacedHead): void {
    const cost = headCost(placed.head);
    if (cost > this.#mostCost)
      throw new LinkError("bad-frame", `a head of cost ${cost} to remember, more than ${this.#mostCost}`);
    this.#heads[place] = placed;
  }
}
