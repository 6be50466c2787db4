/** What both ends of a link call it, and no other link is called: it and a stream's number name a request in both access logs. */
import type { Transport } from "../transport/transport.ts";
import type { Link } from "./link-api.ts";

const EXPORTER = "EXPORTER-coilgun-link-label";
const LABEL_BYTES = 4;

const LABELS = new WeakMap<Link, string>();

/** By TLS alone: a link in plain text, or through a balancer that ends TLS, has no label. */
export const labelLink = (link: Link, transport: Transport, behindBalancer: boolean): void => {
  const label = behindBalancer ? undefined : transport.exportKey(EXPORTER, LABEL_BYTES);
  if (label !== undefined) LABELS.set(link, label.toString("hex"));
};

/** Undefined where the link has no label: then the edge sends one of its own. */
export const requestIdOn = (link: Link, streamId: number): string | undefined => {
  const label = LABELS.get(link);
  return label === undefined ? undefined : `${label}-${streamId.toString(36)}`;
};
