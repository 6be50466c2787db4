/**
 * The links that are up, by the hosts they may serve. Of several origin sides the same one gets all pages of a template, so
 * that its bases stay useful; of the parallel links to one, the least busy. SPEC section "Choosing a link".
 */
import type { Link } from "../protocol/link/link.ts";
import { pickByRendezvous } from "../protocol/link/rendezvous.ts";

export class LinkPool {
  readonly #links = new Set<Link>();
  /** Hosts a key may serve, from the config. */
  #hostsOf: (keyId: string) => ReadonlySet<string> | undefined;

  constructor(hostsOf: (keyId: string) => ReadonlySet<string> | undefined) {
    this.#hostsOf = hostsOf;
  }

  get links(): ReadonlySet<Link> {
    return this.#links;
  }

  /** The config was read again. */
  serve(hostsOf: (keyId: string) => ReadonlySet<string> | undefined): void {
    this.#hostsOf = hostsOf;
  }

  add(link: Link): void {
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
    const able = this.linksOf(page.host).filter((link) => link.accepts && !but.has(link));
    if (able.length < 2) return able[0];
    const stores = [...new Set(able.map((link) => link.peer.storeId))];
    const store = pickByRendezvous(stores, page);
    return able
      .filter((link) => link.peer.storeId === store)
      .reduce((least, link) => (link.load < least.load ? link : least));
  }

  linksOf(host: string): Link[] {
    return [...this.#links].filter((link) => this.#hostsOf(link.keyId)?.has(host));
  }
}
