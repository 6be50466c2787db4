/**
 * The setting `requestBases` of a host: whose earlier requests a request may build on. Off unless an operator chooses it, for
 * both sides then keep what visitors send, and sizes tell more. SPEC section "Request bases".
 */
import { z } from "zod";
import type { StoreSettings } from "../../protocol/config/schema.ts";

/**
 * `session`: JSON, XML, GraphQL and text on what the same session sent to the same URL. `session+forms`: forms too, which hold
 * tokens beside what was typed.
 */
export type RequestBasesPolicy = (typeof REQUEST_BASES_POLICIES)[number];
const REQUEST_BASES_POLICIES = ["off", "session", "session+forms"] as const;

export const requestBasesSetting = () => z.enum(REQUEST_BASES_POLICIES).prefault("off");

interface Host {
  readonly compressRequests: boolean;
  readonly requestBases: RequestBasesPolicy;
}

export const isCompressed = ({ compressRequests, requestBases }: Host): boolean =>
  compressRequests || requestBases === "off";

export const NOT_COMPRESSED = {
  abort: true,
  path: ["requestBases"],
  error: "needs compressRequests: true; remove one of the two",
};

export const isKeptSomewhere = ({
  keys,
  store,
}: {
  readonly keys: readonly { readonly hosts: readonly Host[] }[];
  readonly store: StoreSettings;
}): boolean =>
  store.requestBytes > 0 || keys.every(({ hosts }) => hosts.every((host) => host.requestBases === "off"));

export const KEPT_NOWHERE = {
  abort: true,
  path: ["store", "requests"],
  error: "is off, and a host under keys sets requestBases; give it a size, such as 16 MiB",
};
