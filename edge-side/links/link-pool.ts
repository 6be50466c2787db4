/**
 * The links that are up, by the hosts they may serve. Of several origin sides the same one gets all pages of a
 * template, so that its bases stay useful, unless it is busier than its weight allows; of the parallel links to one,
 * the least busy; one that is silent only where nothing else helps. SPEC section "Choosing a link".
 */
import { sayLimit } from "../../protocol/daemon/limit-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { type Candidate, pickByRendezvous } from "../../protocol/link/rendezvous.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { WithoutLink } from "../../protocol/scope/no-base.ts";
import { ForgetNotes } from "./forget-notes.ts";

/** Hosts that are told of; patterns stand for any number. */
const MOST_MISSED = 1_000;

export interface LinkPoolDependencies {
  /** Which hosts a key may serve, by the config as it is now. */
  readonly hosts: {
    serves(keyId: string, host: string): boolean;
    /** The part of the pages that an origin side with this key gets, beside others. */
    weightOf(keyId: string): number;
    /** Whether it may serve the host, or might since the start. */
    mayHold(keyId: string, host: string): boolean;
  };
  readonly clock: Clock;
  /** Told of a visitor that asks for a host that no link serves. */
  readonly log: Log;
}

export class LinkPool {
  readonly #links = new Set<Link>();
  readonly #options: LinkPoolDependencies;
  /** Hosts that were missed since a link came up: each is told once. */
  readonly #missed = new Set<string>();
  readonly #waiting = new Set<() => void>();
  readonly #forgetNotes: ForgetNotes;

  constructor(options: LinkPoolDependencies) {
    this.#options = options;
    const { clock, hosts } = options;
    this.#forgetNotes = new ForgetNotes({ clock, mayHold: hosts.mayHold.bind(hosts) });
  }

  get links(): ReadonlySet<Link> {
    return this.#links;
  }

  add(link: Link): void {
    this.#missed.clear();
    this.#links.add(link);
    this.#forgetNotes.up(link);
    this.changed();
  }

  /** A link came up, or one that was silent speaks again. */
  changed(): void {
    for (const run of [...this.#waiting]) run();
  }

  /** Calls `run` at each change, until what this returns is called. */
  onChange(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  remove(link: Link): void {
    this.#links.delete(link);
    this.#forgetNotes.down(link, this.#links);
  }

  /** Has origin sides forget what they hold of a host, or of one URL of it: those that are away, when they are back. */
  forget(what: { readonly host: string; readonly url: string | undefined }): void {
    this.#forgetNotes.forget(what, this.#links);
  }

  /**
   * A link for a page of `host`; none of `but`, which failed it, nor a silent one unless `silent`. Undefined when there is none.
   */
  linkFor(
    page: { readonly host: string; readonly template: string },
    but: ReadonlySet<Link>,
    silent = false,
  ): Link | undefined {
    const able: Link[] = [];
    let served = false;
    for (const link of this.#links) {
      if (!this.#options.hosts.serves(link.keyId, page.host)) continue;
      served = true;
      if (link.accepts && (silent || !link.suspect) && !but.has(link)) able.push(link);
    }
    if (!served) this.#miss(page.host);
    if (able.length < 2) return able[0];
    const store = pickByRendezvous(this.#stores(able), page);
    return able
      .filter((link) => link.peer.storeId === store)
      .reduce((least, link) => (link.load < least.load ? link : least));
  }

  /** Whether there is a link that takes requests. */
  get ready(): boolean {
    return [...this.#links].some((link) => link.accepts && !link.suspect);
  }

  /** Whether a link of this host has as many streams as it may have: another one that comes would help nobody sooner. */
  isFull(host: string): boolean {
    const full = this.linksOf(host).some((link) => !link.suspect && link.load >= link.peer.streams);
    if (full) sayLimit(this.#options.log, "limits.streamsPerLink", { host });
    return full;
  }

  /** Why no request for the host goes out; undefined where one does, or waits for room on a link. */
  whyNone(host: string): WithoutLink | undefined {
    const able = this.linksOf(host).filter((link) => link.accepts);
    if (able.length === 0) return this.isFull(host) ? undefined : "no-link";
    return able.every((link) => link.suspect) ? "link-silent" : undefined;
  }

  linksOf(host: string): Link[] {
    return [...this.#links].filter((link) => this.#options.hosts.serves(link.keyId, host));
  }

  #stores(links: readonly Link[]): Candidate[] {
    const stores = new Map<string, Candidate>();
    for (const { peer, keyId, load } of links) {
      const id = peer.storeId;
      const known = stores.get(id);
      const weight = known?.weight ?? this.#options.hosts.weightOf(keyId);
      stores.set(id, { id, weight, load: load + (known?.load ?? 0) });
    }
    return [...stores.values()];
  }

  #miss(host: string): void {
    if (this.#missed.has(host) || this.#missed.size === MOST_MISSED) return;
    this.#missed.add(host);
    this.#options.log.warn("no link", {
      host,
      hint: "requests wait for one, times.link at most: is coilgun-origin running with a key that serves this host?",
    });
  }
}
