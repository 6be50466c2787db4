/** Reads `edge.yaml`, and beside it what edges share where it says so. */
import type { FleetKind } from "../../protocol/fleet/fleet-settings.ts";
import { loadBesideShared } from "../../protocol/fleet/last-copy.ts";
import type { FleetConfig } from "../../protocol/fleet/signed-config.ts";
import { type EdgeConfig, edgeSettings } from "./edge-config.ts";

/** What edges may share. A reload takes over each of them. */
export const EDGE_FLEET: FleetKind = {
  side: "edge",
  settings: ["keys", "hosts", "defaultHost", "trustedProxies", "proxyStatus", "serverTiming"],
};

/** `shared`: in place of the last good copy of what is shared. Throws ConfigError. */
export const loadEdgeConfig = (file: string, alsoRead?: string[], shared?: FleetConfig): EdgeConfig =>
  loadBesideShared(file, edgeSettings, EDGE_FLEET, { alsoRead, shared });
