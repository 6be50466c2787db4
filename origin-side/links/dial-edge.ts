/**
 * Keeps links to one edge up: dials, greets, and dials again when a link ends, after a pause that grows and is jittered so
 * that a thousand origin sides do not come back in one moment. A link that lived for a while starts the pauses anew, and they
 * stay below a second until the edge says no: it is there again as soon as it can be. SPEC section "Dialling".
 */

import { printHostPort } from "../../protocol/config/units.ts";
import { sayIfOutOfDescriptors } from "../../protocol/daemon/limit-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { LinkErrorCode } from "../../protocol/errors.ts";
import type { Hello } from "../../protocol/frames/hello.ts";
import type { KeyProof } from "../../protocol/link/handshake.ts";
import { LinkEndpoint } from "../../protocol/link/link.ts";
import type { Link, LinkEnd } from "../../protocol/link/link-api.ts";
import type { LinkBook } from "../../protocol/link/link-book.ts";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { TaskSet } from "../../protocol/runtime/task-set.ts";
import { DialError } from "../../protocol/transport/dial-error.ts";
import { dialLink } from "../../protocol/transport/dial-link.ts";
import { type Secret, secretsAt } from "../../protocol/transport/key.ts";
import type { Transport } from "../../protocol/transport/transport.ts";
import { dialSecurity, type EdgeToDial, type RedialTimes } from "../config/origin-config.ts";
import type { LinkService, ServedLink } from "./serve-link.ts";

/** Longest wait for the edge's hello and proof. */
const HANDSHAKE_MS = 5_000;
/** A link that lived this long was a good one: the next pause is the first one again. @internal */
export const GOOD_LINK_MS = 2_000;
/** The longest pause while an edge that had a good link cannot be reached. @internal */
export const SOON_MS = 750;
/** A dial that has not got through is joined by another one: TCP is slow to try again once the network is back. @internal */
export const JOINED_AFTER_MS = 750;
/** All of a dial: no edge waits longer for it. @internal */
export const DIAL_MS = HANDSHAKE_MS;
/** Of dials that fail one after another, those that are told: these first ones, and every 100th. */
const TOLD = 8;

/** How a link ends that the edge had nothing against. */
const LOST: ReadonlySet<LinkErrorCode> = new Set(["internal", "silent", "shutting-down"]);
const SAID_GO_AWAY: LinkEnd = {
  code: "shutting-down",
  message: "the edge takes nothing new; what runs is finished",
};
const STOPS = "the origin side stops";

/** Pause before try number `attempt` (0 is the first one after a loss), milliseconds: full jitter. @internal */
export const redialDelayMs = (attempt: number, times: RedialTimes, chance: () => number): number =>
  chance() * Math.min(times.mostMs, times.firstMs * 2 ** attempt);

export interface DialOptions {
  readonly edge: EdgeToDial;
  readonly clock: Clock;
  readonly chance: () => number;
  readonly log: Log;
  /** As the config says now. */
  redial(): RedialTimes;
  readonly heartbeatMs: number;
  readonly memory: MemoryBudget;
  readonly service: LinkService;
  readonly book: LinkBook;
  hello(): Hello;
}

type DialState =
  | { readonly at: "up" | "dialling" }
  /** `until`: on the clock. */
  | { readonly at: "waiting"; readonly until: number };

const DIALLING: DialState = { at: "dialling" };

/** What is shown of a link that is kept up. */
interface DialStatus {
  readonly edge: string;
  readonly key: string;
  readonly state: DialState["at"];
  /** Since the last good link. */
  readonly tries: number;
  /** Until the edge is dialled again; null where it does not wait. */
  readonly nextMs: number | null;
  /** Why the last try, or the last link, ended. */
  readonly why: string;
}

/** One link, kept up until `stop`. */
export class KeptLink {
  readonly #options: DialOptions;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #over: Promise<void>;
  /** The one that takes streams, and those that finish what runs since the edge said go-away. */
  readonly #links = new Set<Link>();
  readonly #lives = new TaskSet();
  /** Tries since the last good link. */
  #attempt = 0;
  /** All dials after the first one. */
  redials = -1;
  #state: DialState = DIALLING;
  /** Why the last try, or the last link, ended. */
  #why = "";
  /** There was a good link, and the edge has not refused one since. */
  #served = false;

  constructor(options: DialOptions) {
    this.#options = options;
    this.#log = options.log.with({ edge: printHostPort(options.edge.address), key: options.edge.key.id });
    this.#over = this.#keepUp();
  }

  /** Takes no new streams and dials no more; resolves when the link has ended, at the latest when `cut` fires. */
  async stop(cut: AbortSignal): Promise<void> {
    this.#stopping.abort();
    for (const link of this.#links) link.drain(STOPS);
    const close = () => {
      for (const link of this.#links) link.close("shutting-down", STOPS);
    };
    cut.addEventListener("abort", close, { once: true });
    if (cut.aborted) close();
    await this.#over;
    await this.#lives.over();
    cut.removeEventListener("abort", close);
  }

  get status(): DialStatus {
    const { edge, clock } = this.#options;
    const state = this.#state;
    return {
      edge: printHostPort(edge.address),
      key: edge.key.id,
      state: state.at,
      tries: this.#attempt,
      nextMs: state.at === "waiting" ? Math.max(0, Math.round(state.until - clock.now())) : null,
      why: this.#why,
    };
  }

  async #keepUp(): Promise<void> {
    const { clock, redial, chance, edge } = this.#options;
    for (; !this.#stopping.signal.aborted; this.#attempt++) {
      const secrets = secretsToTry(edge, clock);
      for (const [n, secret] of secrets.entries())
        if (!(await this.#once(secret, n === secrets.length - 1))) break;
      if (this.#stopping.signal.aborted) return;
      const times = redial();
      const mostMs = this.#served ? Math.min(SOON_MS, times.mostMs) : times.mostMs;
      const pauseMs = redialDelayMs(this.#attempt, { ...times, mostMs }, chance);
      this.#state = { at: "waiting", until: clock.now() + pauseMs };
      if (this.#isTold) {
        const at = new Date(clock.today() + pauseMs).toISOString();
        this.#log.info("dials again", { inMs: Math.round(pauseMs), at });
      }
      await clock.sleep(pauseMs, this.#stopping.signal).catch(() => {});
    }
  }

  /** Dials once; resolves when that link takes nothing more, or could not be had: true if the edge asked for another secret. */
  async #once(secret: Secret, last: boolean): Promise<boolean> {
    const { clock } = this.#options;
    this.#state = DIALLING;
    this.redials++;
    try {
      const transport = await this.#dial(secret);
      const startedAt = clock.now();
      const end = await this.#run(transport, secret);
      this.#why = `${end.code}: ${end.message}`;
      const level = end.code === "shutting-down" ? "info" : "warn";
      this.#log[level]("link down", { code: end.code, why: end.message });
      if (clock.now() - startedAt >= GOOD_LINK_MS) {
        this.#served = true;
        this.#attempt = 0;
      } else if (!LOST.has(end.code)) this.#served = false;
      return end.code === "key-not-proved";
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      this.#why = whyOf(error);
      sayIfOutOfDescriptors(this.#log, error);
      const code = error instanceof DialError ? error.code : undefined;
      if (code !== "unreachable") this.#served = false;
      if (code === "secret-refused" && !last) return true;
      const tries = this.#attempt + 1;
      if (this.#isTold) this.#log.warn("edge not reached", { why: this.#why, tries });
      return false;
    }
  }

  /** An edge that is away for long is not told of each time. */
  get #isTold(): boolean {
    const tries = this.#attempt + 1;
    return tries <= TOLD || tries % 100 === 0;
  }

  /** The first dial that ends decides, of those that were begun one after another. Rejects as dialLink does. */
  async #dial(secret: Secret): Promise<Transport> {
    const { edge, clock } = this.#options;
    const over = new AbortController();
    const stop = () => over.abort(this.#stopping.signal.reason);
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    const { promise, resolve, reject } = Promise.withResolvers<Transport>();
    const begin = () => {
      const options = { ...edge.address, clock, signal: over.signal, withinMs: DIAL_MS };
      dialLink({ ...options, security: dialSecurity(edge, secret) }).then(
        (transport) => {
          if (over.signal.aborted) return transport.close("another one was first");
          resolve(transport);
          over.abort();
        },
        (error: unknown) => {
          reject(error);
          over.abort();
        },
      );
      another = clock.after(JOINED_AFTER_MS, begin);
    };
    let another: Timer | undefined;
    begin();
    try {
      return await promise;
    } finally {
      another?.cancel();
      this.#stopping.signal.removeEventListener("abort", stop);
    }
  }

  #run(transport: Transport, secret: Secret): Promise<LinkEnd> {
    const { edge, clock, memory, heartbeatMs, hello, service, book } = this.#options;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    const life = Promise.withResolvers<void>();
    this.#lives.add(life.promise);
    let served: ServedLink | undefined;
    const behindBalancer = edge.wire.mode === "certificate" && edge.wire.behindBalancer;
    const link: Link = new LinkEndpoint({
      transport,
      hello: hello(),
      keyProof: keyProofOf(edge, secret),
      behindBalancer,
      clock,
      heartbeatMs,
      handshakeMs: HANDSHAKE_MS,
      memory,
      events: {
        up: () => {
          served = service.serve(link);
          book.up(link);
          this.#state = { at: "up" };
          this.#log.info("link up");
        },
        opened: (stream, open) => served?.opened(stream, open),
        forget: (host, url) => served?.forget(host, url),
        pushed: (version) => served?.pushed(version),
        // Its place may be taken already: the next one is dialled while this one finishes what runs.
        draining: () => resolve(SAID_GO_AWAY),
        closed: (end) => {
          this.#links.delete(link);
          book.down(link);
          life.resolve();
          resolve(end);
        },
      },
    });
    this.#links.add(link);
    if (this.#stopping.signal.aborted) link.drain(STOPS); // meanwhile
    return promise;
  }
}

/**
 * One after the other, while the edge asks for another one. Each twice where TLS proves it: an edge that has two
 * secrets too can ask for one of them at a time.
 */
export const secretsToTry = ({ wire, key }: EdgeToDial, clock: Clock): readonly Secret[] =>
  secretsAt(key, clock.today()).flatMap((each) => (wire.mode === "psk" ? [each, each] : [each]));

/** How this side proves its key with this secret on a link to this edge. */
export const keyProofOf = ({ wire, key }: EdgeToDial, secret: Secret): KeyProof =>
  wire.mode === "psk" ? { by: "transport", keyId: key.id } : { by: "dialler", keyId: key.id, secret };

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
