/**
 * The part of `edge.yaml` about who comes in: one listener, or a list of them. Plain HTTP, or HTTPS with a certificate.
 * SPEC section "Visitors".
 */
import { z } from "zod";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { certificateFile, keyOfCertificate, privateKeyFile } from "../../protocol/config/pem.ts";
import { block, hostPort, type NamedFile, shortFor } from "../../protocol/config/schema.ts";
import type { HostPort } from "../../protocol/config/units.ts";

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
}

/** HTTPS with HTTP/2 and HTTP/1.1. */
export interface VisitorTls {
  /** PEM, the server's certificate first. */
  readonly certificate: NamedFile;
  readonly privateKey: NamedFile;
}

/** Where visitors are served unless the config says otherwise. */
const VISITORS_NORMALLY = "0.0.0.0:8080";

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
      .transform(
        ({ listen, certificate, privateKey, compress, reusePort, underscores }): VisitorListen => ({
          listen,
          tls: certificate && privateKey && { certificate, privateKey },
          compress: compress === "on",
          reusePort,
          underscores,
        }),
      ),
  );

/** One listener may stand without a list around it. */
export const visitorListeners = (near: Surroundings) =>
  z
    .preprocess(
      (value: unknown) => (Array.isArray(value) ? value : [value]),
      z
        .array(listener(near))
        .min(1)
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
    .prefault(VISITORS_NORMALLY)
    .describe("Where visitors are served: one listener, or a list of them.");

/** Whether both addresses cannot be had at once. */
export const clash = (a: HostPort, b: HostPort): boolean => {
  const everywhere = [a.host, b.host].some((host) => host === "0.0.0.0" || host === "::");
  return a.port === b.port && a.port !== 0 && (everywhere || a.host === b.host);
};
