/**
 * What was forgotten while the shared store could not be told, each noted beside the store key, sealed: the daemon may end before the store
 * is back, and the next one tells it.
 */
import { createHmac, type KeyObject } from "node:crypto";
import type { Log } from "../../daemon/log.ts";
import type { Forgotten } from "../lower-tier.ts";
import { seal, unseal } from "../sealed.ts";
import { notesBeside } from "../store-key.ts";

const ABOUT = "untold";
const NAME_CHARS = 16;

interface UntoldOptions {
  /** What the names of its files begin with. */
  readonly path: string;
  readonly key: KeyObject;
  readonly log: Pick<Log, "warn">;
}

/** What cannot be noted is told as long as this process runs; the log says so. */
export class Untold {
  readonly #options: UntoldOptions;
  readonly #notes: ReturnType<typeof notesBeside>;

  constructor(options: UntoldOptions) {
    this.#options = options;
    this.#notes = notesBeside(options.path);
  }

  keep(what: Forgotten): void {
    const text = seal(this.#options.key, Buffer.from(JSON.stringify(what)), ABOUT).toString("base64");
    this.#attempt(() => this.#notes.keep(this.#nameOf(what), text));
  }

  told(what: Forgotten): void {
    this.#attempt(() => this.#notes.drop(this.#nameOf(what)));
  }

  /** What processes left that ended before. */
  left(): readonly Forgotten[] {
    const texts = this.#attempt(() => this.#notes.texts()) ?? [];
    return texts.flatMap((text) => {
      const what = unseal(this.#options.key, Buffer.from(text, "base64"), ABOUT);
      return what === undefined ? [] : [JSON.parse(what.toString("utf8")) as Forgotten];
    });
  }

  #nameOf(what: Forgotten): string {
    const hash = createHmac("sha256", this.#options.key).update(JSON.stringify(what)).digest("base64url");
    return hash.slice(0, NAME_CHARS);
  }

  #attempt<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log.warn("forgotten pages not noted", { file: this.#options.path, why });
      return undefined;
    }
  }
}
