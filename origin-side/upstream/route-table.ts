/**
 * Which route serves a request: by host, then by the longest prefix of its path. A host whose own routes do not fit falls
 * to the routes of every host (`*`). Paths are compared byte for byte, as visitors wrote them: nothing is decoded or
 * shortened, because the web server gets them so. docs/operations.md section "Routes".
 */
import { isBelow, pathOf } from "../../protocol/config/path-prefix.ts";
import { hostName } from "../../protocol/store/partition.ts";
import { EVERY_HOST } from "../../protocol/upstream/upstream-settings.ts";
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
    return this.#fitting(hostName(host), path) ?? this.#fitting(EVERY_HOST, path);
  }

  get all(): readonly To[] {
    return [...this.#byHost.values()].flat();
  }

  #fitting(host: string, path: string): To | undefined {
    return this.#byHost.get(host)?.find(({ route }) => isBelow(path, route.path));
  }
}
