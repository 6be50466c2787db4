/**
 * One visitor's request in its phases, on whichever link serves it. It hears what visitor and exchange report, and the record for the
 * access log is taken from it when it is over.
 */

import { StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import { timingsOf } from "../../protocol/frames/observed.ts";
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import type { NoBase, WithoutLink } from "../../protocol/scope/no-base.ts";
import type { VisitRecord } from "../exchange/access-record.ts";
import {
  type BodyBeginning,
  type Exchange,
  type ExchangeEvents,
  NO_BODY,
  openExchange,
} from "../exchange/exchange.ts";
import type { RequestId } from "../exchange/observation.ts";
import { type TimesTold, VisitTimes } from "../exchange/visit-times.ts";
import { isSafe, type Visitor, type VisitorListener } from "../exchange/visitor.ts";
import { headForVisitor } from "../http/sanitize-head.ts";
import { Upload } from "../request/send-body.ts";
import { DirectExchange } from "../upstream/direct-exchange.ts";
import type { ServeDependencies } from "./dependencies.ts";
import type { VisitBases } from "./visit-bases.ts";
import { answerOf, type Phase, PREPARING, ROUTING } from "./visit-phase.ts";

export class Visit implements VisitorListener, ExchangeEvents {
  readonly visitor: Visitor;
  readonly #settings: ServeDependencies;
  /** On the clock. */
  readonly #startedAt: number;
  /** Undefined where nobody wants to know. */
  readonly #times: VisitTimes | undefined;
  #id: RequestId | undefined;
  #phase: Phase = ROUTING;
  #bases: VisitBases | undefined;
  #upload: Upload | undefined;
  /** How long the web server may take to answer, while the request waits for nothing else. SPEC section "Visitors". */
  #deadline: InactivityTimer | undefined;
  /** Until when it waits for links, all its waits together. */
  #waitsUntil: number | undefined;
  /** It was tried on a link that went silent. */
  #waited = false;
  #lastsNoMore: (() => void) | undefined;
  /** The status that the visitor sees, once it is known. */
  #status: number | undefined;
  #pageBytes: number | undefined;
  #failed: StreamErrorCode | undefined;
  /** An exchange was opened: an origin side may have the request. */
  #asked = false;

  constructor(visitor: Visitor, settings: ServeDependencies) {
    this.visitor = visitor;
    this.#settings = settings;
    const { clock, observation } = settings;
    this.#startedAt = clock.now();
    this.#times = observation.wantsTimes ? new VisitTimes(clock, this.#startedAt) : undefined;
    this.#id = observation.idOf(visitor);
  }

  /** Tries the link of these bases: the request goes out, and the head of its answer comes in. Rejects with StreamError. */
  async ask(
    bases: VisitBases,
    request: { readonly head: HeaderList; readonly compress: boolean },
  ): Promise<{ readonly exchange: Exchange; readonly answer: AnswerFrame }> {
    this.#phase = PREPARING;
    this.#bases = bases;
    const { clock, times } = this.#settings;
    this.#deadline = new InactivityTimer(clock, times.originAnswerMs, () => this.giveUp("origin-silent"));
    this.#deadline.start();
    try {
      this.visitor.listen(this);
      const upload = this.#uploadOf(bases.link, request.compress, this.#deadline);
      this.#upload = upload;
      const begun = upload === undefined ? NO_BODY : upload.begin();
      const exchange = this.#open(bases, request.head, begun instanceof Promise ? await begun : begun);
      upload?.send(exchange);
      const answer = await exchange.answer();
      upload?.settled();
      this.#times?.answered(timingsOf(answer.extensions));
      this.#phase = { at: "answering", exchange, form: answer.form.kind };
      return { exchange, answer };
    } finally {
      this.#deadline.stop();
    }
  }

  /** Waits for a change of the links; false when it has waited long enough, or the visitor has left. */
  async linkComes(): Promise<boolean> {
    const { clock, pool, times } = this.#settings;
    const { linkMs, heartbeatMs } = times;
    const now = clock.now();
    // By default until 6 s after it came, and for half a second at least after its link was given up.
    const enough = Math.max(this.#startedAt + linkMs + heartbeatMs, now + heartbeatMs / 2);
    this.#waitsUntil ??= Math.min(now + linkMs, this.#waited ? enough : Infinity);
    if (this.#waitsUntil <= now) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stop = () => resolve(false);
    const late = clock.after(this.#waitsUntil - now, stop);
    const forget = pool.onChange(() => resolve(true));
    this.#phase = { at: "waiting", stop };
    this.visitor.listen(this);
    const comes = await promise;
    late.cancel();
    forget();
    this.#phase = ROUTING;
    return comes;
  }

  /** Whether the request has been given to no link so far. */
  get isUnasked(): boolean {
    return !this.#asked;
  }

  /** No link gets the request: the exchange that this returns asks a web server. */
  goesDirectly(reason: WithoutLink | undefined): DirectExchange {
    const exchange = new DirectExchange(this.visitor);
    this.#phase = { at: "direct", exchange, reason };
    this.visitor.listen(this);
    return exchange;
  }

  /** The visitor is to see a response of this status. */
  responds(status: number): void {
    this.#status = status;
  }

  /** The response is an event stream, or no HTTP any more: a daemon that stops does not wait for its end. */
  mayLast(): void {
    this.#lastsNoMore = this.#settings.longLived.add(() => this.giveUp("cancelled"));
  }

  /** The head as it goes to the visitor. */
  headLeaves(head: ResponseHead): ResponseHead {
    this.#times?.headLeaves();
    return this.#settings.observation.told(head, this.visitor, this);
  }

  times(): TimesTold {
    return this.#times?.parts(this.#bases?.collectedAt) ?? {};
  }

  /** `bytes`: of the page, given out or about to be. */
  page(bytes: number): void {
    this.#pageBytes = bytes;
  }

  /** Ends the exchange, if it is not over. */
  giveUp(code: StreamErrorCode): void {
    const phase = this.#phase;
    if (phase.at === "asking" || phase.at === "answering" || phase.at === "direct")
      return phase.exchange.cancel(code);
    if (phase.at === "waiting") return phase.stop();
    if (phase.at !== "preparing") return;
    this.#phase = { at: "givenUp", code };
    this.#upload?.lost();
  }

  /** It is tried on no other link. */
  over(): void {
    this.#upload?.settled();
  }

  /** Gives back what the try on this link took. */
  settle(): void {
    this.#lastsNoMore?.();
    this.#bases?.over(this.#exchange?.answerBytes ?? 0);
    this.#upload?.release();
  }

  /** The visitor gets an error page in place of a response, or sees that its response is cut. */
  fail({ code, cause }: StreamError): void {
    this.#failed = code;
    this.#status = this.visitor.fail(code, cause);
  }

  /** What the access log says of it so far. Where several links were tried, the last one counts. */
  record(): VisitRecord {
    const { host, method, target, hasBody } = this.visitor;
    const phase = this.#phase;
    const bases = this.#bases;
    const exchange = this.#exchange;
    const streamId = exchange?.streamId;
    return {
      host,
      method,
      target,
      id: this.#settings.observation.loggedId(this.#id, bases?.link, streamId),
      link: bases?.keyId,
      stream: bases && (streamId ?? 0),
      status: this.#status,
      answer: answerOf(phase),
      reason: phase.at === "direct" ? phase.reason : bases && this.#whyNoBase(bases),
      failed: this.#failed,
      mismatched: bases?.mismatched ? true : undefined,
      bases: bases?.offers.versions.length,
      pageBytes: this.#pageBytes,
      answerBytes: bases && (exchange?.answerBytes ?? 0),
      bodyBytes: bases && hasBody ? (this.#upload?.bytes ?? 0) : undefined,
      requestBytes: bases && hasBody ? (exchange?.requestBytes ?? 0) : undefined,
      decodeMs: bases?.decodeMs,
      ...this.times(),
      totalMs: this.#settings.clock.now() - this.#startedAt,
    };
  }

  // What the visitor and the exchange tell.

  left(): void {
    this.giveUp("cancelled");
  }

  interim({ head }: AnswerFrame): void {
    this.#upload?.settled();
    this.visitor.interim(headForVisitor(head, "interim"));
    this.#deadline?.moved();
  }

  room(): void {
    this.#upload?.room();
  }

  refused(): void {
    this.#upload?.refused();
  }

  lost(): void {
    this.#upload?.lost();
  }

  /** A request that has not left, or changes nothing at the origin, is asked again where another link is there. */
  suspect(): void {
    this.#waited = true;
    const phase = this.#phase;
    if (phase.at !== "asking" || this.visitor.answered || (!isSafe(this.visitor) && phase.exchange.hasLeft))
      return;
    if (this.#settings.pool.linksOf(this.visitor.host).some((link) => link.accepts && !link.suspect))
      phase.exchange.abandon();
  }

  /** Undefined where the answer had a base, or there was none. */
  #whyNoBase(bases: VisitBases): NoBase | undefined {
    const phase = this.#phase;
    if (phase.at !== "answering" || this.#failed !== undefined) return undefined;
    if (bases.mismatched) return "mismatch";
    if (phase.form !== "whole" && phase.form !== "passed") return undefined;
    return bases.whyNoBase(phase.form, this.#pageBytes ?? 0);
  }

  get #exchange(): Exchange | undefined {
    const phase = this.#phase;
    return phase.at === "asking" || phase.at === "answering" ? phase.exchange : undefined;
  }

  /** The request half of the exchange; undefined where the visitor sends nothing but a head. */
  #uploadOf(link: Link, compress: boolean, deadline: InactivityTimer): Upload | undefined {
    const { visitor } = this;
    if (!visitor.hasBody && visitor.upgrade === undefined) return undefined;
    const body = visitor.uploadBody(deadline);
    const encoders = this.#settings.requests;
    // Of an upgrade the visitor's connection keeps the body itself.
    if (visitor.upgrade === undefined) body.keep(encoders.lease(link));
    return new Upload(visitor, body, { link, encoders, compress });
  }

  /** Throws StreamError where the visit was given up meanwhile, or the link is gone. */
  #open(bases: VisitBases, head: HeaderList, beginning: BodyBeginning): Exchange {
    const phase = this.#phase;
    if (phase.at === "givenUp") throw new StreamError(phase.code, `the exchange ended: ${phase.code}`);
    if (!bases.link.accepts) throw new StreamError("refused", "the link takes no requests any more");
    this.#times?.opened();
    const exchange = openExchange(
      bases.link,
      {
        head,
        offering: bases.offers.offering,
        offersFollow: bases.offers.follow,
        session: bases.session,
        addressed: bases.addressed,
        urgency: this.visitor.urgency,
        incremental: this.visitor.incremental,
        load: this.#settings.load(),
        visitorConnection: bases.visitorConnection,
        madeId: this.#settings.observation.sentId(this.#id, bases.link),
        timings: this.#times !== undefined,
        beginning,
      },
      this,
    );
    this.#phase = { at: "asking", exchange };
    this.#asked = true;
    if (bases.offers.follow) bases.offers.whenMade((offering) => exchange.offer(offering));
    return exchange;
  }
}
