/** Where a visit is. Each try on another link begins anew with `preparing`. */
import type { StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerForm } from "../../protocol/frames/frame.ts";
import type { WithoutLink } from "../../protocol/scope/no-base.ts";
import type { VisitRecord } from "../exchange/access-record.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { DirectExchange } from "../upstream/direct-exchange.ts";

export type Phase =
  /** No link has been tried. */
  | { readonly at: "routing" }
  /** There is no link, and one may be coming. */
  | { readonly at: "waiting"; stop(): void }
  /** Bases are chosen; what of the request's body leaves with its head is awaited. */
  | { readonly at: "preparing" }
  /** It ended before an exchange was opened. */
  | { readonly at: "givenUp"; readonly code: StreamErrorCode }
  /** The request is on its way, and the head of its answer is awaited. */
  | { readonly at: "asking"; readonly exchange: Exchange }
  /** That head is here, and the page is on its way to the visitor. */
  | { readonly at: "answering"; readonly exchange: Exchange; readonly form: AnswerForm["kind"] }
  /** A web server is asked straight from here. */
  | { readonly at: "direct"; readonly exchange: DirectExchange; readonly reason: WithoutLink | undefined };

export const ROUTING: Phase = { at: "routing" };
export const PREPARING: Phase = { at: "preparing" };

/** How the answer came, as the access log says it. */
export const answerOf = (phase: Phase): VisitRecord["answer"] => {
  if (phase.at === "direct") return phase.reason === undefined ? "direct" : "fallback";
  return phase.at === "answering" && phase.form !== "interim" ? phase.form : undefined;
};
