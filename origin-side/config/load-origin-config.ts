/** Reads `origin.yaml`, and beside it what origin sides share where it says so. */
import type { FleetKind } from "../../protocol/fleet/fleet-settings.ts";
import { loadBesideShared } from "../../protocol/fleet/last-copy.ts";
import type { FleetConfig } from "../../protocol/fleet/signed-config.ts";
import { type OriginConfig, originSettings } from "./origin-config.ts";

/** What origin sides may share. A reload takes over each of them. */
export const ORIGIN_FLEET: FleetKind = { side: "origin", settings: ["edges", "routes", "redial"] };

/** `shared`: in place of the last good copy of what is shared. Throws ConfigError. */
export const loadOriginConfig = (file: string, alsoRead?: string[], shared?: FleetConfig): OriginConfig =>
  loadBesideShared(file, originSettings, ORIGIN_FLEET, { alsoRead, shared });
