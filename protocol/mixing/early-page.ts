/**
 * A page that is read while its coded bytes come, beside the row of those that are all here: one of a process, as far
 * as nothing stands in that row, where it takes its place once all of it has come. So no page waits for bytes that
 * another one lacks, and none is read twice. SPEC section "Mixed".
 */
import { setImmediate as turn } from "node:timers/promises";
import { LONG_PAGES, pageRead, type Reading } from "./long-pages.ts";
import { inTurns, type Slices, type StillWanted } from "./turns.ts";

export class EarlyPage {
  static #isUnderWay = false;

  readonly #mixer = LONG_PAGES.take();
  readonly #stillWanted: StillWanted;
  readonly #page: Promise<Buffer | undefined>;
  #phase: "coming" | "too much" | "given up" | "over" = "coming";
  #wake: (() => void) | undefined;

  private constructor(reading: Reading<unknown>, stillWanted: StillWanted) {
    EarlyPage.#isUnderWay = true;
    this.#stillWanted = stillWanted;
    this.#mixer.expectMore();
    this.#page = this.#read(reading).finally(() => {
      EarlyPage.#isUnderWay = false;
      this.#phase = "over";
      LONG_PAGES.give(this.#mixer);
    });
    // Heard by who asks for it.
    this.#page.catch(() => undefined);
  }

  /** Undefined while another page is read. `stillWanted`: asked before each slice. */
  static begin<Steps>(
    reading: Reading<Steps>,
    stillWanted: StillWanted = () => undefined,
  ): EarlyPage | undefined {
    if (EarlyPage.#isUnderWay || LONG_PAGES.isBusy) return undefined;
    return new EarlyPage(reading as Reading<unknown>, stillWanted);
  }

  /** More of it has come. */
  write(coded: Uint8Array): void {
    if (this.#phase !== "coming") return;
    if (!this.#mixer.more(coded)) this.#phase = "too much";
    this.#wake?.();
  }

  /** All of it has come. Undefined for what nobody writes, or more than anybody. */
  end(): Promise<Buffer | undefined> {
    if (this.#phase === "coming") this.#mixer.allIsHere();
    this.#wake?.();
    return this.#page;
  }

  /** Nobody waits for it any more. */
  giveUp(): void {
    if (this.#phase === "coming") this.#phase = "given up";
    this.#wake?.();
  }

  async #read(reading: Reading<unknown>): Promise<Buffer | undefined> {
    const work = this.#begun(reading);
    let isStarved = true;
    while (this.#phase === "coming") {
      this.#stillWanted();
      if (this.#mixer.isAllHere) return LONG_PAGES.inRow(() => inTurns(work, this.#stillWanted));
      if (isStarved || LONG_PAGES.isBusy) {
        await this.#more();
        isStarved = false;
        continue;
      }
      const { done, value } = work.next();
      if (done === true) return value;
      isStarved = value === "starved";
      if (!isStarved) await turn();
    }
    return undefined;
  }

  *#begun(reading: Reading<unknown>): Slices<Buffer | undefined> {
    while (this.#mixer.lacks()) yield "starved";
    this.#mixer.beginExpected();
    return yield* pageRead(this.#mixer, reading);
  }

  /** Resolves when more has come, or nothing will. */
  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
