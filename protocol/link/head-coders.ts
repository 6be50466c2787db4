/**
 * What reads and writes the heads of one link: a table in each direction, and what offers may refer to. SPEC sections "Header
 * blocks" and "Offers".
 */
import { CarriedVersions, ReferableVersions } from "../wire/carried-versions.ts";
import { HeaderDecoder, HeaderEncoder } from "../wire/header-block.ts";
import type { Hello } from "../wire/hello.ts";

export interface HeadCoders {
  readonly encoder: HeaderEncoder;
  readonly decoder: HeaderDecoder;
}

/** The tables are as large as the smaller of both hellos. */
export const headCoders = (ours: Hello, peers: Hello): HeadCoders => {
  const tableBytes = Math.min(ours.tableBytes, peers.tableBytes);
  const carried = ours.role === "edge" ? new ReferableVersions() : new CarriedVersions();
  return {
    encoder: new HeaderEncoder(tableBytes, carried),
    decoder: new HeaderDecoder({ tableBytes, headBytes: ours.headBytes }, carried),
  };
};
