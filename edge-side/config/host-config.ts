/**
 * The part of a host's settings in `edge.yaml` about what visitors get where no link serves them, and whether pages are coded on
 * earlier ones at all.
 */
import { z } from "zod";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { parsePathPrefix } from "../../protocol/config/path-prefix.ts";
import { certificateFile } from "../../protocol/config/pem.ts";
import {
  block,
  hostName,
  type NamedFile,
  namedFile,
  OR_NO_VALUE,
  shortFor,
  written,
} from "../../protocol/config/schema.ts";
import {
  isOnThisMachine,
  parseUpstreamAddress,
  type UpstreamAddress,
} from "../../protocol/upstream/upstream-address.ts";
import type { UpstreamTls } from "../../protocol/upstream/upstream-settings.ts";

/** A web server that is asked straight from the edge. */
export interface WebServer {
  readonly origin: UpstreamAddress;
  /** Undefined unless the origin is https. */
  readonly tls: UpstreamTls | undefined;
  /** As in parsePathPrefix; undefined: of a fallback where links answered before, else all. */
  readonly paths: readonly string[] | undefined;
}

export const fallbackSetting = (near: Surroundings) =>
  z
    .preprocess(
      shortFor("origin"),
      webServer(
        near,
        "Only what is at or below one of these; without it, at or below what links have answered since the edge started.",
      ),
    )
    .optional()
    .describe(
      "A web server that is asked straight from the edge while no link serves the host; off without it.",
    );

/** As a `fallback`, but asked always. */
export const directSetting = (near: Surroundings) =>
  z
    .preprocess(
      shortFor("origin"),
      webServer(near, "Only what is at or below one of these; without it, everything."),
    )
    .describe("The web server of the host.");

const webServer = (near: Surroundings, paths: string) =>
  block({
    origin: written(parseUpstreamAddress, "an address, such as https://www-origin.example.com").describe(
      "`https://host:port`, or `http://` to this machine; gets the visitor's Host. May stand alone in place of the block.",
    ),
    paths: z
      .array(written(parsePathPrefix, "a path, such as /api"))
      .min(1, OR_NO_VALUE)
      .optional()
      .describe(paths),
    insecure: z.boolean().prefault(false).describe("Allow `http://` to another machine."),
    serverName: hostName()
      .optional()
      .describe(
        "The name its certificate must bear; without it, the origin's own, or the host where that is an address.",
      ),
    authorities: certificateFile(near)
      .optional()
      .describe("PEM, your own authorities for its certificate; without it, those that Node.js brings."),
  })
    .refine(({ origin, insecure }) => insecure || origin.scheme === "https" || isOnThisMachine(origin), {
      abort: true,
      path: ["origin"],
      error:
        "must begin with https://, as what visitors send and get would cross the network unprotected; or set insecure: true",
    })
    .check(({ value: { origin, ...rest }, issues }) => {
      if (origin.scheme === "https") return;
      for (const name of ["serverName", "authorities"] as const)
        if (rest[name] !== undefined)
          issues.push({
            code: "custom",
            message: "is a setting only with an origin that begins with https://",
            path: [name],
            input: undefined,
          });
    })
    .transform(
      ({ origin, paths, serverName, authorities }): WebServer => ({
        origin,
        paths,
        tls:
          origin.scheme === "https"
            ? { verify: true, serverName, authorities, client: undefined }
            : undefined,
      }),
    );

/** Pages for errors of the edge's own, by status, by who failed, or for all. */
export type ErrorPageFiles = Readonly<Partial<Record<string, NamedFile>>>;

/** A larger one is no page for errors. */
const MOST_PAGE_BYTES = 256 * 1024;

const errorPageSetting = (near: Surroundings) => {
  const page = (meaning: string) =>
    namedFile(near)
      .refine(({ bytes }) => bytes.length <= MOST_PAGE_BYTES, {
        ...OR_NO_VALUE,
        error: "is larger than 256 KiB; name one small file of HTML, with its styles within",
      })
      .optional()
      .describe(meaning);
  return z
    .preprocess(
      shortFor("all"),
      block({
        all: page("HTML (UTF-8) for all that follow but 413 and 431. May stand alone in place of the block."),
        site: page("Where the web server failed."),
        proxy: page("Where the edge, the link or the origin side did."),
        "413": page("Of this status, before the others: the body is too large."),
        "431": page("The head is too large."),
        "502": page("The web server, or the link, failed."),
        "503": page("There is no link, or no place at the web server."),
        "504": page("The web server is silent."),
        "508": page("The request has been here before."),
      }),
    )
    .transform((files): ErrorPageFiles => files)
    .optional()
    .describe(
      "What visitors that accept HTML get in place of an error of the edge's own: files, read at start and reload.",
    );
};

/** Of one host. */
export interface AnswerSettings {
  /** Whether pages are coded on earlier ones at all. */
  readonly deltas: "on" | "off";
  /** Undefined: without a link there is no answer. */
  readonly fallback: WebServer | undefined;
  readonly errorPage: ErrorPageFiles | undefined;
  /** Whether answers may be coded with dictionaries of browsers. */
  readonly dictionaries: "auto" | "on" | "off";
  /** Whether caches in front keep answers apart by `Vary`, so that those on dictionaries may be kept as the page was. */
  readonly frontHeedsVary: boolean;
}

export const answerSettings = (near: Surroundings) => ({
  deltas: z
    .enum(["on", "off"])
    .prefault("on")
    .describe(
      "`off`: a switch for an emergency, as `bases: off` whatever `bases` says; what is remembered stays.",
    ),
  errorPage: errorPageSetting(near),
  dictionaries: z
    .enum(["auto", "on", "off"])
    .prefault("auto")
    .describe(
      "Code answers over HTTPS with what the browser has (RFC 9842), and publish pieces that three networks were sent without any credential; `on`: of pages too that say private or no-store to everybody, or give a session to whoever has none.",
    ),
  frontHeedsVary: z
    .boolean()
    .prefault(false)
    .describe(
      "Whether caches in front keep answers apart by `Vary: Available-Dictionary`, and pass both on: answers on a dictionary are then for as many as the page was, not `private`.",
    ),
});

/** What a host says of itself in each key that serves it, or without one. */
type OfOneHost = AnswerSettings & { readonly host: string; readonly direct?: WebServer };

/** Stands for the key of all hosts that are served without one. */
const NO_KEY = "direct";

/** Who serves what: the part of a configuration that says so. */
export interface Serving<Served extends OfOneHost> {
  readonly keys: readonly { readonly key: { readonly id: string }; readonly hosts: readonly Served[] }[];
  readonly hosts?: readonly Served[];
}

/** Of each host its settings and a key that serves it, or NO_KEY; of several keys the last one's, with what only earlier ones have. */
export const settingsByHost = <Served extends OfOneHost>({
  keys,
  hosts = [],
}: Serving<Served>): ReadonlyMap<string, Served & { readonly keyId: string }> => {
  const byHost = new Map<string, Served & { readonly keyId: string }>();
  for (const each of keys.flatMap(({ key, hosts }) => hosts.map((host) => ({ ...host, keyId: key.id })))) {
    const before = byHost.get(each.host);
    byHost.set(each.host, {
      ...each,
      fallback: each.fallback ?? before?.fallback,
      errorPage: each.errorPage ?? before?.errorPage,
      deltas: before?.deltas === "off" ? "off" : each.deltas,
    });
  }
  for (const each of hosts) byHost.set(each.host, { ...each, keyId: NO_KEY });
  return byHost;
};
