/**
 * The part of a host's settings in `edge.yaml` about what visitors get where no link serves them, and whether pages are coded on
 * earlier ones at all.
 */
import { z } from "zod";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { parsePathPrefix } from "../../protocol/config/path-prefix.ts";
import { block, hostName, namedFile, shortFor, written } from "../../protocol/config/schema.ts";
import {
  isOnThisMachine,
  parseUpstreamAddress,
  type UpstreamAddress,
} from "../../protocol/upstream/upstream-address.ts";
import type { UpstreamTls } from "../../protocol/upstream/upstream-settings.ts";

/** The web server that is asked straight from the edge while no link serves the host. */
export interface FallbackSettings {
  readonly origin: UpstreamAddress;
  /** Undefined unless the origin is https. */
  readonly tls: UpstreamTls | undefined;
  /** As in parsePathPrefix; undefined: where links answered before. */
  readonly paths: readonly string[] | undefined;
}

export const fallbackSetting = (near: Surroundings) =>
  z
    .preprocess(shortFor("origin"), fallback(near))
    .optional()
    .describe(
      "A web server that is asked straight from the edge while no link serves the host; off without it.",
    );

const fallback = (near: Surroundings) =>
  block({
    origin: written(parseUpstreamAddress, "an address, such as https://www-origin.example.com").describe(
      "`https://host:port`, or `http://` to this machine; gets the visitor's Host. May stand alone in place of the block.",
    ),
    paths: z
      .array(written(parsePathPrefix, "a path, such as /api"))
      .min(1)
      .optional()
      .describe(
        "Only what is at or below one of these; without it, at or below what links have answered since the edge started.",
      ),
    insecure: z.boolean().prefault(false).describe("Allow `http://` to another machine."),
    serverName: hostName()
      .optional()
      .describe(
        "The name its certificate must bear; without it, the origin's own, or the host where that is an address.",
      ),
    authorities: namedFile(near)
      .optional()
      .describe("PEM, your own authorities for its certificate; without it, those that Node.js brings."),
  })
    .refine(({ origin, insecure }) => insecure || origin.scheme === "https" || isOnThisMachine(origin), {
      abort: true,
      path: ["origin"],
      error:
        "must begin with https://, as what visitors send and get would cross the network unprotected; or set insecure: true",
    })
    .transform(
      ({ origin, paths, serverName, authorities }): FallbackSettings => ({
        origin,
        paths,
        tls:
          origin.scheme === "https"
            ? { verify: true, serverName, authorities, client: undefined }
            : undefined,
      }),
    );

/** What a host says of itself in each key that serves it. */
interface OfOneHost {
  readonly host: string;
  readonly fallback: FallbackSettings | undefined;
  readonly deltas: "on" | "off";
}

/** Of each host its settings and a key that serves it; of several keys the last one's, with what only earlier ones have. */
export const settingsByHost = <Served extends OfOneHost>(
  keys: readonly { readonly key: { readonly id: string }; readonly hosts: readonly Served[] }[],
): ReadonlyMap<string, Served & { readonly keyId: string }> => {
  const byHost = new Map<string, Served & { readonly keyId: string }>();
  for (const each of keys.flatMap(({ key, hosts }) => hosts.map((host) => ({ ...host, keyId: key.id })))) {
    const before = byHost.get(each.host);
    byHost.set(each.host, {
      ...each,
      fallback: each.fallback ?? before?.fallback,
      deltas: before?.deltas === "off" ? "off" : each.deltas,
    });
  }
  return byHost;
};
