/**
 * What is told about visits: a request gets an id and times where the access log or Server-Timing wants them, and costs nothing
 * where neither does.
 */
import { isToken } from "../../protocol/config/token.ts";
import type { AccessLog } from "../../protocol/daemon/access-log.ts";
import { ownRequestId } from "../../protocol/frames/observed.ts";
import { fieldOf, type ResponseHead } from "../../protocol/http/head.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { requestIdOn } from "../../protocol/link/link-label.ts";
import type { ServerTimingSettings } from "../config/server-timing.ts";
import type { VisitRecord } from "./access-record.ts";
import type { TimesTold } from "./visit-times.ts";
import type { VisitorRequest } from "./visitor-request.ts";

/** A request with the right token in this field is told more. Web servers never see the field. */
const TOKEN_FIELD = "coilgun-timing";

/** The request's own, or the number of one that is made here. */
export type RequestId = string | number;

type AnswerTold = Pick<VisitRecord, "answer" | "pageBytes" | "answerBytes">;

export class Observation {
  readonly #prefix: string;
  readonly #accessLog: Pick<AccessLog, "wants">;
  #serverTiming: ServerTimingSettings | undefined;
  #count = 0;

  /** `prefix`: no other process has it. */
  constructor(
    prefix: string,
    accessLog: Pick<AccessLog, "wants"> = { wants: undefined },
    serverTiming: ServerTimingSettings | undefined = undefined,
  ) {
    this.#prefix = prefix;
    this.#accessLog = accessLog;
    this.#serverTiming = serverTiming;
  }

  /** What a reload brings. */
  replace(serverTiming: ServerTimingSettings | undefined): void {
    this.#serverTiming = serverTiming;
  }

  get wantsTimes(): boolean {
    return this.#serverTiming !== undefined || this.#accessLog.wants !== undefined;
  }

  /** Its own X-Request-Id or trace, else one that is made here; undefined where nobody asks. */
  idOf({ fields }: Pick<VisitorRequest, "fields">): RequestId | undefined {
    return this.#accessLog.wants === undefined ? undefined : (ownRequestId(fields) ?? ++this.#count);
  }

  /** As both sides log it. `streamId`: undefined before there is an exchange. */
  loggedId(id: RequestId | undefined, link?: Link, streamId?: number): string | undefined {
    if (typeof id !== "number") return id;
    const known = link && streamId !== undefined ? requestIdOn(link, streamId) : undefined;
    return known ?? this.#made(id);
  }

  /** What the origin side has to be told; undefined where it knows. */
  sentId(id: RequestId | undefined, link: Link): string | undefined {
    return typeof id === "number" && link.label === undefined ? this.#made(id) : undefined;
  }

  #made(number: number): string {
    return `${this.#prefix}-${number.toString(36)}`;
  }

  /**
   * The head with a Server-Timing of ours beside those of its site. Whole milliseconds, since finer ones would tell strangers what the
   * network hides of the web server. How the answer travelled, and its sizes, are only for those who have the token: they say something
   * about other pages.
   */
  told(
    head: ResponseHead,
    { fields }: Pick<VisitorRequest, "fields">,
    visit: { times(): TimesTold; record(): AnswerTold },
  ): ResponseHead {
    if (this.#serverTiming === undefined) return head;
    const { originMs, linkMs, edgeMs } = visit.times();
    const entries: string[] = [];
    if (originMs !== undefined) entries.push(`origin;dur=${Math.round(originMs)}`);
    if (linkMs !== undefined) entries.push(`link;dur=${Math.round(linkMs)}`);
    if (edgeMs !== undefined) entries.push(`edge;dur=${Math.round(edgeMs)}`);
    const { token } = this.#serverTiming;
    const shown = token === undefined ? undefined : fieldOf(fields, TOKEN_FIELD);
    if (token === undefined || shown === undefined || !isToken(shown, token))
      return withTiming(head, entries);
    const { answer, pageBytes, answerBytes } = visit.record();
    if (answer !== undefined)
      entries.push(
        `coilgun;desc="${[answer, `${answerBytes ?? 0} B on the link`, ...(pageBytes === undefined ? [] : [`${pageBytes} B`])].join(", ")}"`,
      );
    return withTiming(head, entries);
  }
}

const withTiming = (head: ResponseHead, entries: readonly string[]): ResponseHead =>
  entries.length === 0
    ? head
    : {
        status: head.status,
        reason: head.reason,
        fields: [...head.fields, "Server-Timing", entries.join(", ")],
      };
