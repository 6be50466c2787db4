/**
 * What the heads and offers of frames refer to: the header table of one direction, and the versions and cookies that the
 * link carried either way. SPEC sections "Header blocks", "Given cookies" and "Offers".
 */
import { HeaderDecoder, HeaderEncoder } from "../headers/header-block.ts";
import type { GivenCookies } from "./given-cookies.ts";
import { CarriedVersions } from "./offer-references.ts";

/** The feature of the hello: an open frame may be the acknowledgement of an earlier answer. SPEC section "Messages". */
export const ACKS_IN_OPEN = "acks-in-open";

/** Which features both sides name. */
interface AgreedOn {
  readonly acknowledging?: boolean;
  readonly freshApart?: boolean;
  readonly longCookies?: boolean;
}

export class FrameHeaderEncoder extends HeaderEncoder {
  readonly carried: CarriedVersions;
  readonly given: GivenCookies | undefined;
  /** Both sides name acks-in-open. */
  readonly acknowledging: boolean;

  /** `tableBytes`: the size of the peer's header table, from its hello; `given`: where both sides name given cookies. */
  constructor(
    tableBytes: number,
    carried = new CarriedVersions(),
    given?: GivenCookies,
    { acknowledging = false, freshApart = false, longCookies = false }: AgreedOn = {},
  ) {
    super(tableBytes, { setCookies: given !== undefined, fresh: freshApart, longCookies });
    this.carried = carried;
    this.given = given;
    this.acknowledging = acknowledging;
  }
}

export class FrameHeaderDecoder extends HeaderDecoder {
  readonly carried: CarriedVersions;
  readonly given: GivenCookies | undefined;
  /** Both sides name acks-in-open. */
  readonly acknowledging: boolean;

  /** `tableBytes` and `headBytes`: what our own hello announced. */
  constructor(
    bounds: { readonly tableBytes: number; readonly headBytes: number },
    carried = new CarriedVersions(),
    given?: GivenCookies,
    acknowledging = false,
  ) {
    super(bounds);
    this.carried = carried;
    this.given = given;
    this.acknowledging = acknowledging;
  }
}
