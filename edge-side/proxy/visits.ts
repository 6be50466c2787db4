/** Every visit of one edge: served with the same dependencies, and known until it is over. */

import { UnderWay } from "../../protocol/runtime/task-set.ts";
import type { Visitor } from "../exchange/visitor.ts";
import type { ServeDependencies } from "./dependencies.ts";
import { serveVisitor } from "./serve-visitor.ts";

export class Visits {
  readonly #given: ServeDependencies;
  readonly #underWay = new UnderWay();

  constructor(given: ServeDependencies) {
    this.#given = given;
  }

  serve(visitor: Visitor): void {
    this.#underWay.add(serveVisitor(visitor, this.#given));
  }

  /** Resolves when all that began are over. */
  over(): Promise<void> {
    return this.#underWay.over();
  }
}
