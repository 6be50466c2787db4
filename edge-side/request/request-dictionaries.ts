/**
 * What requests build on at the edge: the bodies that the same session sent to the same URL before, as far as the origin side of
 * this link holds them too. Only for hosts that chose it, and only what no other site had a part in: the size of a body that
 * builds on another tells whether text repeats. SPEC section "Request bases".
 */

import { REQUEST_BASES } from "../../protocol/frames/request-coding.ts";
import type { ScopeRules } from "../../protocol/scope/scope.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";
import type { KeptBody, RequestBodies, RequestPlace } from "../../protocol/store/request-body-store.ts";
import { tenantOf } from "../../protocol/store/tenant.ts";
import type { StoreId } from "../../protocol/store/version-store.ts";
import type { RequestBasesPolicy } from "../config/request-bases-policy.ts";
import { isForm, type MayCode, type RequestTraits } from "./compression-policy.ts";

/** Bodies of one session at one URL: clients of GraphQL send some different queries in turn. */
export const MOST_BODIES_OF_PLACE = 8;

/** What is asked of a visitor. */
export interface BasesVisitor extends RequestTraits {
  readonly host: string;
  readonly method: string;
  readonly target: string;
}

/** What is asked of a link. */
export interface BasesLink {
  readonly keyId: string;
  readonly peer: { readonly storeId: string; readonly features: readonly string[] };
}

export interface RequestBasesGiven {
  readonly bodies: RequestBodies;
  policyOf(host: string): RequestBasesPolicy;
  rulesOf(host: string): ScopeRules | undefined;
}

/** What one visitor's request to one URL may build on, and is kept as. */
export interface BodyPlace {
  /** Those that the origin side should hold too, the last used last. */
  listed(): readonly KeptBody[];
  /** The origin side was asked to build on it: it holds that for as long as we do. */
  used(base: KeptBody): void;
  /** The origin side has rebuilt this body, and keeps it. Nothing is kept that was to be forgotten meanwhile. */
  keep(body: Buffer, fingerprint: Fingerprint): void;
  /** The origin side does not hold it, or not so. */
  drop(base: KeptBody): void;
}

export class RequestBases {
  readonly #given: RequestBasesGiven;

  constructor(given: RequestBasesGiven) {
    this.#given = given;
  }

  /** Undefined where nothing of this request may be kept. `may`: whether it may be compressed, which is asked first. */
  placeOf(visitor: BasesVisitor, link: BasesLink, may: MayCode): BodyPlace | undefined {
    const { bodies, policyOf, rulesOf } = this.#given;
    const { host, fields, method, target } = visitor;
    const policy = policyOf(host);
    if (policy === "off" || may.kind === "never" || !link.peer.features.includes(REQUEST_BASES))
      return undefined;
    if (policy === "session" && isForm(fields)) return undefined;
    const session = rulesOf(host)?.sessionOf(fields);
    if (session === undefined) return undefined;
    const tenant = tenantOf({ keyId: link.keyId, host });
    const peerStore = link.peer.storeId as StoreId;
    const { forgets } = bodies;
    const place: RequestPlace = { tenant, session, peerStore, method, target };
    return {
      listed: () => bodies.listed(place),
      used: ({ short }) => void bodies.named(place, short),
      keep: (body, fingerprint) => {
        if (bodies.forgets === forgets) bodies.keep(place, body, fingerprint);
      },
      drop: (base) => bodies.drop(place, base),
    };
  }
}
