/** Every visit of one edge: served with the same dependencies, and known until it is over. */

import { TaskSet } from "../../protocol/runtime/task-set.ts";
import { hostName } from "../../protocol/store/partition.ts";
import type { VisitRecord } from "../exchange/access-record.ts";
import type { RefusedRequest, Visitor, VisitorTaker } from "../exchange/visitor.ts";
import type { ServeDependencies } from "./dependencies.ts";
import { serveVisitor } from "./serve-visitor.ts";

export class Visits implements VisitorTaker {
  readonly #options: ServeDependencies;
  readonly #underWay = new TaskSet();

  constructor(options: ServeDependencies) {
    this.#options = options;
  }

  serve(visitor: Visitor): void {
    this.#underWay.add(serveVisitor(visitor, this.#options));
  }

  /** A request got this status for what its head is: it is logged and counted as a visit is. */
  refused(request: RefusedRequest, status: number): void {
    const { observation, accessLog } = this.#options;
    const { method, authority, target } = request;
    const id = observation.loggedId(observation.idOf(request));
    const record: VisitRecord = {
      host: hostName(withoutUser(authority)),
      method,
      target: withoutUser(target),
      ...(id && { id }),
      status,
      reason: "refused",
      totalMs: 0,
    };
    accessLog.write(record, request);
  }

  /** Resolves when all that began are over. */
  over(): Promise<void> {
    return this.#underWay.over();
  }
}

/** A name and a password before a host are refused, and no matter for a log. */
const withoutUser = (text: string): string => text.replace(/^([a-z][\w+.-]*:\/\/)?[^/?#]*@/i, "$1");
