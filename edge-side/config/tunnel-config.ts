/**
 * The part of `edge.yaml` about where origin sides dial in, and how both ends prove the key. SPEC section "Transport
 * security".
 */
import { z } from "zod";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { certificateFile, keyOfCertificate, privateKeyFile } from "../../protocol/config/pem.ts";
import {
  block,
  hostPort,
  type NamedFile,
  shortFor,
  TUNNEL_PORT,
  withMode,
} from "../../protocol/config/schema.ts";
import { type HostPort, isLoopback } from "../../protocol/config/units.ts";

/** Where origin sides dial in, and how both ends prove the key. */
export type TunnelListen =
  | { readonly mode: "psk"; readonly listen: HostPort }
  | {
      readonly mode: "certificate";
      readonly listen: HostPort;
      /** PEM, the server's certificate first. */
      readonly certificate: NamedFile;
      readonly privateKey: NamedFile;
      /** PEM; set, a dialler needs a certificate that one of these signed. */
      readonly clientAuthorities: NamedFile | undefined;
      /** Something between ends TLS: the proof of the key is not bound to the connection. */
      readonly behindBalancer: boolean;
    }
  | { readonly mode: "plain"; readonly listen: HostPort; readonly insecure: boolean };

/** A plain address stands for a block. */
const tunnelWritten = (value: unknown): unknown =>
  Array.isArray(value) ? value : withMode(shortFor("listen")(value));

const ONLY_CERTIFICATE = {
  certificate: "with mode: certificate",
  privateKey: "with mode: certificate",
  clientAuthorities: "with mode: certificate",
  behindBalancer: "with mode: certificate",
};
const ONLY_PLAIN = { insecure: "with mode: plain" };

/** The setting; a host and port stand for a block that has only these. */
export const tunnelSetting = (near: Surroundings) =>
  z
    .preprocess(tunnelWritten, tunnel(near))
    .prefault(`${near.everyAddress}:${TUNNEL_PORT}`)
    .describe(
      "Where origin sides dial in, and how both ends prove the key: host:port, or a block. 0.0.0.0 by default where the machine has no IPv6.",
    );

const tunnel = (near: Surroundings): z.ZodType<TunnelListen> => {
  const listen = hostPort()
    .prefault(`${near.everyAddress}:${TUNNEL_PORT}`)
    .describe("Where origin sides dial in; may stand alone in place of the block.");
  const mode = <Mode extends TunnelListen["mode"]>(name: Mode) =>
    z.literal(name).describe("How both ends prove the key; `psk` unless it is said.");
  return z.discriminatedUnion("mode", [
    block({ mode: mode("psk"), listen }, { ...ONLY_CERTIFICATE, ...ONLY_PLAIN }),
    block(
      {
        mode: mode("certificate"),
        listen,
        certificate: certificateFile(near).describe("PEM, the server's certificate first."),
        privateKey: privateKeyFile(near).describe("PEM, of that certificate."),
        clientAuthorities: certificateFile(near)
          .optional()
          .describe("PEM; set, a dialler needs a certificate that one of these signed."),
        behindBalancer: z
          .boolean()
          .prefault(false)
          .describe("Something between ends TLS, so the key's proof is not bound to the connection."),
      },
      ONLY_PLAIN,
    )
      .check(keyOfCertificate)
      .transform(({ clientAuthorities, ...rest }) => ({ ...rest, clientAuthorities })),
    block(
      {
        mode: mode("plain"),
        listen,
        insecure: z
          .boolean()
          .prefault(false)
          .describe("Allow an address that others can reach, though nothing is encrypted."),
      },
      ONLY_CERTIFICATE,
    ).refine(({ listen, insecure }) => insecure || isLoopback(listen.host), {
      abort: true,
      path: ["listen"],
      error:
        "must be an address of this machine alone, such as 127.0.0.1:7443, as mode plain encrypts nothing; or set insecure: true",
    }),
  ]);
};
