/**
 * Which versions of one URL or template are at hand of different people: the newest of each, named only, so that the store
 * may forget them at any time. SPEC section "Common bases".
 */
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import type { Retention } from "../../../protocol/scope/scope.ts";
import type { Fingerprint } from "../../../protocol/store/fingerprint.ts";
import { MOST_SOURCES } from "./shared-runs.ts";
import { type Person, rootOf, type VisitorIdentities } from "./visitor-identity.ts";

/** Sessions remembered; some turn out to be one person, or their versions to be gone. @internal */
export const MOST_SESSIONS = 2 * MOST_SOURCES;

export interface Source {
  readonly session: SessionKey;
  readonly fingerprint: Fingerprint;
  readonly retention: Retention;
}

interface KnownSource extends Source {
  readonly person: Person;
}

export class CommonSources {
  /** The newest last. */
  #sources: readonly KnownSource[] = [];
  /** The epoch of the identities that `#sources` are of. */
  #epoch = 0;

  /** Notes the newest version of a session. `marks` is asked for only when the session is new here. */
  add(source: Source, identities: VisitorIdentities, marks: () => readonly string[]): void {
    this.#forgetEpoch(identities);
    const before = this.#sources.find(({ session }) => session === source.session);
    const person = before?.person ?? identities.of(marks());
    // Asking may itself have been too much for the room that people have.
    this.#forgetEpoch(identities);
    if (person === undefined) return;
    const others = this.#sources.filter(({ session }) => session !== source.session);
    this.#sources = [...others, { ...source, person }].slice(-MOST_SESSIONS);
  }

  /** The newest source of each person that is still held, the newest first; at most MOST_SOURCES. */
  ofIdentities(
    identities: VisitorIdentities,
    held: (fingerprint: Fingerprint) => boolean,
  ): readonly Source[] {
    this.#forgetEpoch(identities);
    const chosen = new Map<Person, Source>();
    for (const source of this.#sources.toReversed()) {
      const person = rootOf(source.person);
      if (chosen.size < MOST_SOURCES && !chosen.has(person) && held(source.fingerprint))
        chosen.set(person, source);
    }
    return [...chosen.values()];
  }

  #forgetEpoch({ epoch }: VisitorIdentities): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#sources = [];
  }
}
