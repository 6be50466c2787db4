/**
 * The links that are up, by the hosts they may serve. Of several origin sides the same one gets all pages of a template, so
 * that its bases stay useful; of the parallel links to one, the least busy. SPEC section "Choosing a link".
 */
import type { Link } from "../../protocol/link/link-api.ts";
import { pickByRendezvous } from "../../protocol/link/rendezvous.ts";

export interface LinkPoolGiven {
  /** Hosts a key may serve, by the config as it is now. */
  hostsOf(keyId: string): ReadonlySet<string> | undefined;
  /** A visitor asked for a host that no link serves. */
  missing(host: string): void;
}

export class LinkPool {
  readonly #links = new Set<Link>();
  readonly #given: LinkPoolGiven;
  /** Hosts that were missed since a link came up: each is told once. */
  readonly #missed = new Set<string>();

  constructor(given: LinkPoolGiven) {
    this.#given = given;
  }

  get links(): ReadonlySet<Link> {
    return this.#links;
  }

  add(link: Link): void {
    this.#missed.clear();
    this.#links.add(link);
  }

  remove(link: Link): void {
    this.#links.delete(link);
  }

  /** A link for a page of `host`; none of `but`, which failed it. Undefined when there is none. */
  linkFor(
    page: { readonly host: string; readonly template: string },
    but: ReadonlySet<Link>,
  ): Link | undefined {
    const links = this.linksOf(page.host);
    if (links.length === 0) this.#miss(page.host);
    const able = links.filter((link) => link.accepts && !but.has(link));
    if (able.length < 2) return able[0];
    const stores = [...new Set(able.map((link) => link.peer.storeId))];
    const store = pickByRendezvous(stores, page);
    return able
      .filter((link) => link.peer.storeId === store)
      .reduce((least, link) => (link.load < least.load ? link : least));
  }

  linksOf(host: string): Link[] {
    return [...this.#links].filter((link) => this.#given.hostsOf(link.keyId)?.has(host));
  }

  #miss(host: string): void {
    if (this.#missed.has(host)) return;
    this.#missed.add(host);
    this.#given.missing(host);
  }
}
