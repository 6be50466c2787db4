/**
 * What reads and writes the heads of one link: a table in each direction, and what offers may refer to. SPEC sections "Header
 * blocks" and "Offers".
 */

import { ACKS_IN_OPEN, FrameHeaderDecoder, FrameHeaderEncoder } from "../frames/frame-headers.ts";
import { GIVEN_COOKIES, GivenCookies } from "../frames/given-cookies.ts";
import type { Hello } from "../frames/hello.ts";
import { CarriedVersions, PUSHES_NAMED, ReferableVersions } from "../frames/offer-references.ts";
import { FRESH_APART } from "../headers/fresh-parts.ts";
import { LONG_COOKIES } from "../headers/packed-runs.ts";

/** Room in a message beyond a head, for what a peer fills it with and counts, offers, extensions. */
const BESIDE_HEAD_BYTES = 20 * 1024;

/** Of messages to who said this. */
export const mostMessageBytes = ({ headBytes }: Hello): number => BESIDE_HEAD_BYTES + headBytes;

export interface HeadCoders {
  readonly encoder: FrameHeaderEncoder;
  readonly decoder: FrameHeaderDecoder;
}

/** The tables are as large as the smaller of both hellos. */
export const headCoders = (ours: Hello, peers: Hello): HeadCoders => {
  const tableBytes = Math.min(ours.tableBytes, peers.tableBytes);
  const agreed = (feature: string) => ours.features.includes(feature) && peers.features.includes(feature);
  const carried = ours.role === "edge" ? new ReferableVersions(agreed(PUSHES_NAMED)) : new CarriedVersions();
  const longCookies = agreed(LONG_COOKIES);
  const asks = ours.role === "edge";
  const given = agreed(GIVEN_COOKIES) ? new GivenCookies({ asks, longCookies }) : undefined;
  const acks = agreed(ACKS_IN_OPEN);
  return {
    encoder: new FrameHeaderEncoder(tableBytes, carried, given, {
      acknowledging: acks,
      freshApart: agreed(FRESH_APART),
      longCookies,
    }),
    decoder: new FrameHeaderDecoder({ tableBytes, headBytes: ours.headBytes }, carried, given, acks),
  };
};
