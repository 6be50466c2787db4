/** Every visit of one edge: served with the same dependencies, and known until it is over. */

import { TaskSet } from "../../protocol/runtime/task-set.ts";
import type { Visitor } from "../exchange/visitor.ts";
import type { ServeDependencies } from "./dependencies.ts";
import { serveVisitor } from "./serve-visitor.ts";

export class Visits {
  readonly #options: ServeDependencies;
  readonly #underWay = new TaskSet();

  constructor(options: ServeDependencies) {
    this.#options = options;
  }

  serve(visitor: Visitor): void {
    this.#underWay.add(serveVisitor(visitor, this.#options));
  }

  /** Resolves when all that began are over. */
  over(): Promise<void> {
    return this.#underWay.over();
  }
}
