/** The trust in a web server that has kept its connections for as long as it should. */
import type { Clock } from "../../protocol/runtime/clock.ts";
import { LEAST_PROOFS, ReuseTrust } from "../../protocol/upstream/connections/reuse-trust.ts";

export const earnedTrust = (clock: Clock): ReuseTrust => {
  const trust = new ReuseTrust(clock);
  for (let i = 0; i < LEAST_PROOFS; i++) trust.proven();
  return trust;
};
