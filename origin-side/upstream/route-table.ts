/**
 * Which route serves a request: by host, then by the longest prefix of its path. A host whose own routes do not fit
 * falls to those of the next name that stands for it too (`*.example.com`, then `*`). Paths are compared byte for byte,
 * as visitors wrote them: nothing is decoded or shortened, because the web server gets them so. docs/operations.md
 * section "Routes".
 */
import { namesFor } from "../../protocol/config/host-pattern.ts";
import { isBelow, pathOf } from "../../protocol/config/path-prefix.ts";
import { hostName } from "../../protocol/store/partition.ts";
import type { Route } from "../config/route-config.ts";

type Served = { readonly route: Pick<Route, "host" | "path"> };

export class RouteTable<To extends Served> {
  /** Of each host, the longest prefix first. */
  readonly #byHost = new Map<string, To[]>();

  constructor(served: readonly To[]) {
    for (const each of served) {
      const alike = this.#byHost.get(each.route.host);
      if (alike === undefined) this.#byHost.set(each.route.host, [each]);
      else alike.push(each);
    }
    for (const alike of this.#byHost.values())
      alike.sort((a, b) => b.route.path.length - a.route.path.length);
  }

  /** `host` as a Host field has it; undefined: no route. */
  find(host: string, target: string): To | undefined {
    const path = pathOf(target);
    for (const name of namesFor(hostName(host))) {
      const fitting = this.#byHost.get(name)?.find(({ route }) => isBelow(path, route.path));
      if (fitting !== undefined) return fitting;
    }
    return undefined;
  }

  /** Whether the host has a route of its own name. */
  names(host: string): boolean {
    return this.#byHost.has(host);
  }

  get all(): readonly To[] {
    return [...this.#byHost.values()].flat();
  }
}
