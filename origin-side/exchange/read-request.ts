/**
 * What is read off the head of a request, and off the extensions of its frame. A head that equals the one before it comes with the
 * same list, and is read once.
 */
import { LinkError } from "../../protocol/errors.ts";
import { answerSizesOf } from "../../protocol/frames/answer-sizes.ts";
import { ownRequestId, requestIdOf } from "../../protocol/frames/observed.ts";
import { type RequestCoding, requestCodingOf } from "../../protocol/frames/request-coding.ts";
import { visitorConnectionOf } from "../../protocol/frames/visitor-connection.ts";
import { wholeUnitsOf } from "../../protocol/frames/whole-units.ts";
import { fieldOf, type RequestHead, requestHeadFromList, upgradeOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { onceFor } from "../../protocol/runtime/once-for.ts";
import type { Extension } from "../../protocol/wire/extensions.ts";
import type { LaterOffers } from "./later-offers.ts";

/** What an exchange needs to know of its link. */
export interface ExchangeLimits {
  /** Largest head that the edge takes. */
  readonly headBytes: number;
  /** Whether the hellos agreed on coded requests. */
  readonly codedRequests?: boolean;
  /** Whether they agreed on offers in a frame of their own. */
  readonly laterOffers?: boolean;
  /** Names the link, and with the number of its stream a request that brings no id (link-label). */
  readonly label?: string | undefined;
}

interface ReadRequest {
  readonly request: RequestHead;
  /** The Host field; empty where there is none. */
  readonly host: string;
  /** The id that it brings itself. */
  readonly ownId: string | undefined;
}

export const readRequest = onceFor((head: HeaderList): ReadRequest => {
  const request = requestHeadFromList(head);
  const { fields } = request;
  return { request, host: fieldOf(fields, "host") ?? "", ownId: ownRequestId(fields) };
});

/** What the extensions of an open frame say; as a rule there are none. */
export const saidBy = (extensions: readonly Extension[]) =>
  extensions.length === 0
    ? NOTHING_SAID
    : {
        id: requestIdOf(extensions),
        coding: requestCodingOf(extensions),
        visitorConnection: visitorConnectionOf(extensions),
        sizes: answerSizesOf(extensions),
        wholeUnits: wholeUnitsOf(extensions),
      };

const NOTHING_SAID = {
  id: undefined,
  coding: undefined,
  visitorConnection: undefined,
  sizes: undefined,
  wholeUnits: 0,
} as const;

interface Unchecked {
  readonly request: RequestHead;
  readonly coding: RequestCoding | undefined;
  readonly laterOffers: LaterOffers | undefined;
}

/** Throws LinkError for what the hellos did not agree on, and for a coded request that asks for an upgrade. */
export const refuseUnagreed = (
  { request, coding, laterOffers }: Unchecked,
  agreed: Pick<ExchangeLimits, "codedRequests" | "laterOffers">,
): void => {
  const mayBeCoded = () => agreed.codedRequests === true && upgradeOf(request.fields) === undefined;
  if (coding !== undefined && !mayBeCoded())
    throw new LinkError("bad-frame", "a coded request where there may be none");
  if (laterOffers !== undefined && agreed.laterOffers !== true)
    throw new LinkError("bad-frame", "offers that follow where they may not");
};
