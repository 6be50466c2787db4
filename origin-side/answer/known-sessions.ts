/**
 * Whose page a version is, as far as this side can know: the edge alone sees sessions, but whoever is offered a session's version is
 * that session. So each one's newest versions are kept apart, as the edge keeps them, and those who come back find theirs
 * however many others were there meanwhile. Nothing is offered by it. SPEC section "Version store".
 */
import { randomBytes } from "node:crypto";
import type { SessionKey } from "../../protocol/scope/credentials.ts";
import { onlySessionThatFinds } from "../../protocol/store/stored-version.ts";
import type { UsableBase } from "./coding/choose-answer.ts";

export class KnownSessions {
  /** Those of an earlier run may come back from a file. */
  readonly #run = randomBytes(8).toString("hex");
  #made = 0;

  /** `offered`: what a session's request offered and is held here, best last. A new one if none of it is a session's. */
  of(offered: readonly UsableBase[]): SessionKey {
    for (const { version } of offered.toReversed()) {
      const session = onlySessionThatFinds(version);
      if (session !== undefined) return session;
    }
    this.#made++;
    return `session ${this.#run} ${this.#made}` as SessionKey;
  }
}
