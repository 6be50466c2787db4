/**
 * The links to every edge of the config, replaced by a reload: an edge that did not change keeps its links, a new one is dialled, and the
 * links of one that is gone, or has another key, take no new streams and end with those that run.
 */
import { saysTheSame } from "../../protocol/config/restart-settings.ts";
import { TaskSet } from "../../protocol/runtime/task-set.ts";
import type { EdgeToDial } from "../config/origin-config.ts";
import { type DialOptions, KeptLink } from "./dial-edge.ts";

interface DialledEdge {
  readonly edge: EdgeToDial;
  readonly links: readonly KeptLink[];
}

export class EdgeLinks {
  readonly #options: Omit<DialOptions, "edge">;
  readonly #ending = new TaskSet();
  readonly #cut = new AbortController();
  #dialled: readonly DialledEdge[] = [];
  /** Of links that are not kept up any more. */
  #redialsBefore = 0;

  constructor(options: Omit<DialOptions, "edge">) {
    this.#options = options;
  }

  /** What runs on links that are not wanted any more has `drainMs`. */
  replace(edges: readonly EdgeToDial[], drainMs: number): void {
    const before = new Set(this.#dialled);
    this.#dialled = edges.map((edge) => {
      const same = [...before].find((each) => saysTheSame(each.edge, edge));
      if (same === undefined) return { edge, links: this.#dial(edge) };
      before.delete(same);
      return same;
    });
    for (const { links } of before) this.#ending.add(this.#end(links, drainMs));
  }

  get dials(): readonly KeptLink["status"][] {
    return this.#dialled.flatMap(({ links }) => links.map(({ status }) => status));
  }

  /** Times that an edge was dialled again. */
  get redials(): number {
    const now = this.#dialled
      .flatMap(({ links }) => links)
      .reduce((sum, link) => sum + Math.max(0, link.redials), 0);
    return this.#redialsBefore + now;
  }

  /** Dials no more; resolves when every link has ended, and what runs on them has had `drainMs`. */
  async stop(drainMs: number): Promise<void> {
    const bound = this.#options.clock.after(drainMs, () => this.#cut.abort());
    await Promise.all(this.#dialled.flatMap(({ links }) => links.map((link) => link.stop(this.#cut.signal))));
    await this.#ending.over();
    bound.cancel();
  }

  #dial(edge: EdgeToDial): readonly KeptLink[] {
    return Array.from({ length: edge.connections }, () => new KeptLink({ edge, ...this.#options }));
  }

  async #end(links: readonly KeptLink[], drainMs: number): Promise<void> {
    const cut = new AbortController();
    const abort = () => cut.abort();
    const bound = this.#options.clock.after(drainMs, abort);
    this.#cut.signal.addEventListener("abort", abort, { once: true });
    await Promise.all(links.map((link) => link.stop(cut.signal)));
    for (const { redials } of links) this.#redialsBefore += Math.max(0, redials);
    this.#cut.signal.removeEventListener("abort", abort);
    bound.cancel();
  }
}
