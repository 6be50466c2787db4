/**
 * What the heads and offers of frames refer to: the header table of one direction, and the versions that the link carried
 * either way. SPEC sections "Header blocks" and "Offers".
 */
import { HeaderDecoder, HeaderEncoder } from "../headers/header-block.ts";
import { CarriedVersions } from "./offer-references.ts";

export class FrameHeaderEncoder extends HeaderEncoder {
  readonly carried: CarriedVersions;

  /** `tableBytes`: the size of the peer's header table, from its hello. */
  constructor(tableBytes: number, carried = new CarriedVersions()) {
    super(tableBytes);
    this.carried = carried;
  }
}

export class FrameHeaderDecoder extends HeaderDecoder {
  readonly carried: CarriedVersions;

  /** `tableBytes` and `headBytes`: what our own hello announced. */
  constructor(
    bounds: { readonly tableBytes: number; readonly headBytes: number },
    carried = new CarriedVersions(),
  ) {
    super(bounds);
    this.carried = carried;
  }
}
