/**
 * Fields of requests whose names hold an underscore. Servers that hand fields on as variables (CGI, WSGI, Rack, PHP) write `-` as
 * `_`, so that `X_Forwarded_For` is taken for the field that a proxy wrote. They are dropped, as nginx drops them, unless a
 * listener keeps them. SPEC section "Visitors".
 */
import type { Log } from "../../protocol/daemon/log.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";

/** Names that are told in the log, each once. @internal */
export const MOST_NAMES_TOLD = 32;
/** And so much of each. */
const MOST_NAME_LENGTH = 64;
const HINT = "`underscores: keep` of the listener lets such fields pass";

export class Underscores {
  readonly #keep: boolean;
  readonly #log: Log;
  readonly #told = new Set<string>();
  /** Fields that were dropped. */
  #dropped = 0;
  #nextCount = 10;

  constructor(setting: "keep" | "drop", log: Log) {
    this.#keep = setting === "keep";
    this.#log = log;
  }

  /** The fields of a head, or trailers, that go on. */
  without(fields: HeaderList): HeaderList {
    if (this.#keep || !fields.some(isDropped)) return fields;
    const kept: string[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const name = fields[i] as string;
      if (name.includes("_")) this.#drop(name);
      else kept.push(name, fields[i + 1] as string);
    }
    return kept;
  }

  /** A line for each new name, then for each tenfold. */
  #drop(name: string): void {
    const dropped = ++this.#dropped;
    const shown = name.slice(0, MOST_NAME_LENGTH).toLowerCase();
    if (this.#told.size < MOST_NAMES_TOLD && !this.#told.has(shown)) {
      this.#told.add(shown);
      this.#log.warn("field with an underscore dropped", { name: shown, dropped, hint: HINT });
    }
    if (dropped < this.#nextCount) return;
    this.#nextCount *= 10;
    this.#log.warn("fields with underscores dropped", { dropped });
  }
}

const isDropped = (part: string, index: number): boolean => index % 2 === 0 && part.includes("_");
