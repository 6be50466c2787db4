/**
 * Counts what each host's answers cost their bases, and says it once an hour: which share of whole answers has which reason, and what
 * setting would help. One line a host, those with most of them only; nothing where nothing was whole.
 */
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import type { NoBase } from "../../protocol/scope/no-base.ts";
import { LIST_THE_PROXY } from "../config/trusted-proxies.ts";
import type { VisitRecord } from "./access-record.ts";

/** @internal */
export const EVERY_MS = 3_600_000;
/** As many lines of one event as the log has in a second. @internal */
export const MOST_HOSTS = 20;

/** Told apart in an hour; the rest is counted together. */
const MOST_COUNTED = 1_000;
const OTHERS = "(others)";

/** No base could help these, so they are no whole pages. */
const OF_THEMSELVES: ReadonlySet<unknown> = new Set<NoBase>(
  "no-body partial not-compressible event-stream too-small".split(" ") as NoBase[],
);

const SECRETLESS = "where nothing on the host is secret, bases: site";

/** What an operator can do; nothing is to be done about the others. */
const HINTS: Partial<Record<NonNullable<VisitRecord["reason"]>, string>> = {
  "new-session": `harmlessCookies: cookies that make no session; ${SECRETLESS}`,
  private: `let the site say private of personal pages only; ${SECRETLESS}`,
  "no-store": `let the site say no-store of personal pages only; store.noStoreTime longer; ${SECRETLESS}`,
  "sets-cookie":
    "harmlessCookies, if they make no session; else let the site set them once, not in each answer",
  posted: SECRETLESS,
  renewed: "harmlessCookies, if they make no session; else let the site renew them by answers to GET alone",
  "proxy-not-trusted": LIST_THE_PROXY,
  off: "bases: session",
  evicted: "store.size larger",
  expired: "store.sessionTime and store.noStoreTime longer",
  "too-large": "limits.pageBytes larger, on both sides",
  budget: "memory.budget and memory.perKey larger",
  "origin-side": "the origin side's access log has the reason",
};

interface Count {
  answers: number;
  whole: number;
  readonly reasons: Map<NonNullable<VisitRecord["reason"]>, number>;
}

export class WholeAnswers {
  readonly #options: { readonly clock: Clock; readonly log: Log };
  /** By host; of patterns visitors can make up any number. */
  readonly #counts = new Map<string, Count>();
  #timer: Timer | undefined;

  constructor(options: { readonly clock: Clock; readonly log: Log }) {
    this.#options = options;
  }

  note({ host, answer, reason }: VisitRecord): void {
    if (answer === undefined || answer === "fallback" || answer === "direct") return;
    this.#timer ??= this.#options.clock.after(EVERY_MS, () => this.#say());
    const name = this.#counts.has(host) || this.#counts.size < MOST_COUNTED ? host : OTHERS;
    let count = this.#counts.get(name);
    if (count === undefined) {
      count = { answers: 0, whole: 0, reasons: new Map() };
      this.#counts.set(name, count);
    }
    count.answers++;
    if (reason === undefined || OF_THEMSELVES.has(reason)) return;
    count.whole++;
    count.reasons.set(reason, (count.reasons.get(reason) ?? 0) + 1);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #say(): void {
    const counts = [...this.#counts].filter(([, { whole }]) => whole > 0);
    this.#counts.clear();
    this.#timer = undefined;
    for (const [host, { answers, whole, reasons }] of counts
      .sort(([, a], [, b]) => b.whole - a.whole)
      .slice(0, MOST_HOSTS)) {
      const most = [...reasons].sort(([, a], [, b]) => b - a);
      const hint = most.flatMap(([reason]) => HINTS[reason] ?? [])[0];
      this.#options.log.info("whole answers", {
        host,
        answers,
        whole,
        reasons: most.map(([reason, times]) => `${reason} ${Math.round((100 * times) / whole)} %`).join(", "),
        ...(hint !== undefined && { hint }),
      });
    }
  }
}
