/** What both ends of a link call it, and no other link is called: it and a stream's number name a request in both access logs. */
import type { Link, LinkOptions } from "./link-api.ts";

const EXPORTER = "EXPORTER-coilgun-link-label";
const LABEL_BYTES = 4;

/** By TLS alone: a link in plain text, or through a balancer that ends TLS, has no label. */
export const linkLabel = ({
  transport,
  behindBalancer,
}: Pick<LinkOptions, "transport" | "behindBalancer">): string | undefined =>
  behindBalancer ? undefined : transport.exportKey(EXPORTER, LABEL_BYTES)?.toString("hex");

/** Undefined where the link has no label: then the edge sends an id of its own. */
export const requestIdOn = ({ label }: Partial<Pick<Link, "label">>, streamId: number): string | undefined =>
  label === undefined ? undefined : `${label}-${streamId.toString(36)}`;
