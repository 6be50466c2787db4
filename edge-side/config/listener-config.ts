/**
 * The part of `edge.yaml` about who comes in: one listener, or a list of them. Plain HTTP, or HTTPS with a certificate.
 * SPEC section "Visitors".
 */
import { z } from "zod";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { certificateFile, keyOfCertificate, privateKeyFile } from "../../protocol/config/pem.ts";
import {
  block,
  hostPort,
  type NamedFile,
  OR_NO_VALUE,
  shortFor,
  written,
} from "../../protocol/config/schema.ts";
import { type HostPort, UnitError } from "../../protocol/config/units.ts";

/** One address where visitors are served. */
export interface VisitorListen {
  readonly listen: HostPort;
  /** Undefined: plain HTTP. */
  readonly tls: VisitorTls | undefined;
  /** Whether pages are compressed for visitors who accept it. */
  readonly compress: boolean;
  /** Whether other processes may listen at the same address; the system spreads connections over all of them. */
  readonly reusePort: boolean;
  /** What becomes of request fields whose names hold an underscore. */
  readonly underscores: "drop" | "keep";
  /** Whether visitors are sent to the same URL with `https:`. */
  readonly redirect: "off" | "https";
  /** Whether each connection begins with a header of the PROXY protocol. */
  readonly proxyProtocol: "off" | "required";
}

/** HTTPS with HTTP/2 and HTTP/1.1. */
interface VisitorTls {
  /** At least one; the first is shown to who asks for none of them. */
  readonly certificates: readonly CertificateFiles[];
  /** Strict-Transport-Security of responses that have none; undefined: nothing is added. */
  readonly hsts: string | undefined;
}

export interface CertificateFiles {
  /** PEM, the server's certificate first. */
  readonly certificate: NamedFile;
  readonly privateKey: NamedFile;
}

const HSTS = /^(\d{1,9})(s|m|h|d|y)(?: includeSubDomains)?(?: preload)?$/;
/** Seconds; longer times than other settings have, as browsers keep what they were told for a year and more. */
const UNIT_S = { s: 1, m: 60, h: 3_600, d: 86_400, y: 365 * 86_400 } as const;
/** A hundred years. No browser keeps it so long. */
const MOST_S = 100 * UNIT_S.y;
const PRELOAD = "needs at least 1y and includeSubDomains for preload (hstspreload.org)";

/** The value of Strict-Transport-Security (RFC 6797) from `1y`, `180d includeSubDomains` or `2y includeSubDomains preload`. */
const parseHsts = (text: string): string | undefined => {
  if (text.trim() === "off") return undefined;
  const [all, amount, unit] = HSTS.exec(text.trim()) ?? [];
  const seconds = Number(amount) * (UNIT_S[unit as keyof typeof UNIT_S] ?? Number.NaN);
  if (all === undefined || !(seconds <= MOST_S))
    throw new UnitError(
      "must be off, or a number and s, m, h, d or y, such as 1y, and includeSubDomains and preload behind it as wanted",
    );
  const words = all.slice(`${amount}${unit}`.length).replaceAll(" ", "; ");
  if (all.endsWith("preload") && (seconds < UNIT_S.y || !words.includes("includeSubDomains")))
    throw new UnitError(PRELOAD);
  return `max-age=${seconds}${words}`;
};

const certificateSettings = (near: Surroundings) => ({
  certificate: certificateFile(near).describe("PEM, the server's certificate first."),
  privateKey: privateKeyFile(near).describe("PEM, of that certificate."),
});

const listener = (near: Surroundings) =>
  z.preprocess(
    shortFor("listen"),
    block({
      listen: hostPort().describe("Where visitors are served; may stand alone in place of the block."),
      certificate: certificateFile(near)
        .optional()
        .describe(
          "PEM, the server's certificate first; set, visitors are served HTTPS. Read again at SIGHUP.",
        ),
      privateKey: privateKeyFile(near).optional().describe("PEM, of that certificate."),
      certificates: z
        .array(block(certificateSettings(near)).check(keyOfCertificate))
        .min(1, OR_NO_VALUE)
        .optional()
        .describe(
          "Several, behind `certificate` or in place of it: a connection is shown the one that names the host it asks for (SNI), or the first. Read again at SIGHUP.",
        ),
      hsts: written(parseHsts, "a time, such as 1y, or off")
        .prefault("off")
        .describe(
          "Strict-Transport-Security for responses that have none: a time such as `1y` or `180d`, `includeSubDomains` and `preload` behind it as wanted; `0s` takes it back.",
        ),
      redirect: z
        .enum(["off", "https"])
        .prefault("off")
        .describe(
          "`https`: visitors of plain HTTP are sent to https://, port 443, but for `/.well-known/acme-challenge/` and what a trusted proxy says came by https.",
        ),
      proxyProtocol: z
        .enum(["off", "required"])
        .prefault("off")
        .describe(
          "`required`: each connection begins with a header of the PROXY protocol, version 1 or 2, and comes from one of `trustedProxies`; others are closed.",
        ),
      compress: z
        .enum(["on", "off"])
        .prefault("on")
        .describe(
          "Compress pages by br, zstd or gzip as the visitor accepts; `off`: as the web server sent them.",
        ),
      reusePort: z
        .boolean()
        .prefault(false)
        .describe("Share the port with other instances of the edge on this machine (Linux, FreeBSD)."),
      underscores: z
        .enum(["drop", "keep"])
        .prefault("drop")
        .describe(
          "Fields of requests whose names hold an underscore; `keep`: they pass, and many servers take X_A for X-A.",
        ),
    })
      .refine(({ certificate, privateKey }) => (certificate === undefined) === (privateKey === undefined), {
        abort: true,
        error: "has only one of certificate and privateKey; name both for HTTPS, or neither for HTTP",
      })
      .check(keyOfCertificate)
      .refine(({ hsts, certificate, certificates }) => !hsts || certificate || certificates, {
        abort: true,
        path: ["hsts"],
        error: "needs a certificate, as browsers heed it over HTTPS alone",
      })
      .refine(
        ({ redirect, certificate, certificates }) => redirect === "off" || !(certificate || certificates),
        {
          abort: true,
          path: ["redirect"],
          error: "has a certificate beside it; set it on a listener of plain HTTP",
        },
      )
      .transform(({ certificate, privateKey, certificates = [], hsts, compress, ...rest }): VisitorListen => {
        const all = certificate && privateKey ? [{ certificate, privateKey }, ...certificates] : certificates;
        const tls = all.length > 0 ? { certificates: all, hsts } : undefined;
        return { ...rest, tls, compress: compress === "on" };
      }),
  );

/** One listener may stand without a list around it. */
export const visitorListeners = (near: Surroundings) =>
  z
    .preprocess(
      (value: unknown) => (Array.isArray(value) ? value : [value]),
      z
        .array(listener(near))
        .min(1, OR_NO_VALUE)
        .check((payload) => {
          for (const [index, { listen }] of payload.value.entries())
            if (payload.value.slice(0, index).some((other) => clash(other.listen, listen)))
              payload.issues.push({
                code: "custom",
                message: "is listened at twice; give each listener a port of its own",
                path: [index, "listen"],
                input: listen,
              });
        }),
    )
    .prefault(`${near.everyAddress}:8080`)
    .describe(
      "Where visitors are served: one listener, or a list of them. 0.0.0.0 by default where the machine has no IPv6.",
    );

/** Whether both addresses cannot be had at once. */
export const clash = (a: HostPort, b: HostPort): boolean => {
  const everywhere = [a.host, b.host].some((host) => host === "0.0.0.0" || host === "::");
  return a.port === b.port && a.port !== 0 && (everywhere || a.host === b.host);
};
