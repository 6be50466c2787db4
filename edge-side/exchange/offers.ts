/** What a request offers, and what the answer's size and its copies may tell because of it. SPEC section "Offers". */
import type { AnswerSizes } from "../../protocol/frames/answer-sizes.ts";
import type { Version, VersionStore } from "../../protocol/store/version-store.ts";
import { type BasesWanted, chooseBases, offersOfAddress, offersOfOthers } from "../bases/choose-bases.ts";
import { type SizeExposure, sizesFor } from "./size-exposure.ts";

/** As frames have it. */
export interface Offering {
  /** Short fingerprints, best last. */
  readonly offers: readonly string[];
  /** Of which offers the answer is to copy whole units only: bit i is set for offer i. */
  readonly wholeUnits: number;
  /** What the origin side is asked to do about the answer's size; undefined: nothing. */
  readonly sizes: AnswerSizes | undefined;
}

const offeringOf = (
  offered: readonly Version[],
  { wanted: { session, addressed, bases }, exposure, mayBeLogin }: OffersOptions,
): Offering => {
  // A whole page that is compressed by itself tells more than a padded delta: 37 of 200 digits were read in one run.
  const alone = exposure === "navigation" && bases === "off";
  return {
    offers: offered.map(({ short }) => short),
    wholeUnits: mayBeLogin
      ? 2 ** offered.length - 1
      : addressed === undefined
        ? 0
        : offersOfAddress(offered, addressed),
    sizes: sizesFor(alone ? "foreign" : exposure, () => offersOfOthers(offered, session)),
  };
};

interface OffersOptions {
  readonly store: VersionStore;
  readonly wanted: BasesWanted;
  readonly exposure: SizeExposure;
  /** The answer may hold a secret of this visitor without saying that it is private. */
  readonly mayBeLogin: boolean;
  /** Nothing is offered otherwise. */
  readonly mayOffer: boolean;
  /** Resolves when memory has what a tier below it has of the page; undefined: nothing is looked for there. */
  readonly lookedFor: Promise<void> | undefined;
}

/** The offers of one visit on one link: made at once, or after a look into the tiers below memory. */
export class VisitOffers {
  readonly #options: OffersOptions;
  /** Best last; none while they are looked for. Holding them keeps them usable. */
  versions: readonly Version[];
  /** The same, as frames have it. */
  offering: Offering;
  /** They are made while the request is on its way. */
  readonly follow: boolean;
  /** The answer has come, or none will. */
  isOver = false;

  constructor(options: OffersOptions) {
    this.#options = options;
    this.follow = options.mayOffer && options.lookedFor !== undefined;
    this.versions = this.follow ? [] : this.#choose();
    this.offering = offeringOf(this.versions, options);
  }

  /** Calls `made` with those that follow, unless it is too late. */
  whenMade(made: (offering: Offering) => void): void {
    void this.#options.lookedFor?.then(() => {
      if (this.isOver) return;
      this.versions = this.#choose();
      this.offering = offeringOf(this.versions, this.#options);
      made(this.offering);
    });
  }

  #choose(): readonly Version[] {
    const { store, wanted, mayOffer } = this.#options;
    return mayOffer ? chooseBases(store, wanted) : [];
  }
}
