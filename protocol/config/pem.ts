/**
 * Certificates and private keys that a config names, read as TLS will read them while the config is, so that a damaged one, or one that
 * does not fit, is a problem of its setting, and a reload keeps what is in use. OpenSSL's own words are not used: they name neither.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { z } from "zod";
import { codeOf } from "../runtime/user-error.ts";
import type { Surroundings } from "./parse-config.ts";
import { block, type NamedFile, namedFile } from "./schema.ts";

/** PEM: one certificate or several, the first of which is the server's or client's own, or each an authority. */
export const certificateFile = (near: Surroundings) => namedFile(near).superRefine(refuse(whyNoCertificate));

/** PEM: a private key without passphrase. */
export const privateKeyFile = (near: Surroundings) => namedFile(near).superRefine(refuse(whyNoPrivateKey));

/** For a block with both: refuses a private key that is not the certificate's, and a pair that TLS does not take. */
export const keyOfCertificate = ({
  value,
  issues,
}: z.core.ParsePayload<{
  readonly certificate?: NamedFile | undefined;
  readonly privateKey?: NamedFile | undefined;
}>): void => {
  const { certificate, privateKey } = value;
  if (issues.length > 0 || certificate === undefined || privateKey === undefined) return;
  const why = whyNoPair(certificate, privateKey);
  if (why !== undefined)
    issues.push({ code: "custom", message: why, path: ["privateKey"], input: undefined });
};

/** What this side shows of itself to the TLS server that it dials. */
export const clientCertificate = (near: Surroundings) =>
  block({
    certificate: certificateFile(near).describe("PEM, of this side, shown to the server that is dialled."),
    privateKey: privateKeyFile(near).describe("PEM, of that certificate."),
  })
    .check(keyOfCertificate)
    .optional()
    .describe("What this side shows of itself to a server that asks for a certificate.");

const refuse =
  (why: (text: string) => string | undefined) =>
  ({ path, bytes }: NamedFile, context: z.core.$RefinementCtx): void => {
    const message = why(bytes.toString("latin1"));
    if (message !== undefined)
      context.addIssue({ code: "custom", message: `names ${path}, which ${message}`, continue: false });
  };

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*(?:-----END [A-Z0-9 ]*-----)?/g;
const PRIVATE_KEY = /-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----/;

const whyNoCertificate = (text: string): string | undefined => {
  const found = text.match(CERTIFICATE);
  if (found === null)
    return PRIVATE_KEY.test(text)
      ? "holds a private key; name the file with the certificate, which begins with -----BEGIN CERTIFICATE-----"
      : "holds no certificate in PEM; it must begin with -----BEGIN CERTIFICATE-----";
  const broken = found.findIndex((pem) => !isCertificate(pem));
  if (broken === -1) return undefined;
  const which = found.length === 1 ? "its certificate" : `number ${broken + 1} of its certificates`;
  return `is damaged: ${which} cannot be read, or is cut short; copy the file again`;
};

const isCertificate = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
};

const whyNoPrivateKey = (text: string): string | undefined => {
  const [, kind] = PRIVATE_KEY.exec(text) ?? [];
  if (kind === undefined)
    return text.includes("CERTIFICATE-----")
      ? "holds a certificate; name the file with its private key, which begins with -----BEGIN PRIVATE KEY-----"
      : "holds no private key in PEM; it must begin with -----BEGIN PRIVATE KEY-----";
  if (kind === "ENCRYPTED " || text.includes("Proc-Type: 4,ENCRYPTED"))
    return "is locked by a passphrase, which a daemon cannot be asked for; unlock it: openssl pkey -in FILE -out NEW";
  try {
    createPrivateKey(text);
    return undefined;
  } catch {
    return "is damaged: its private key cannot be read, or is cut short; copy the file again";
  }
};

const whyNoPair = (certificate: NamedFile, privateKey: NamedFile): string | undefined => {
  if (!new X509Certificate(certificate.bytes).checkPrivateKey(createPrivateKey(privateKey.bytes)))
    return `names ${privateKey.path}, which does not belong to the certificate in ${certificate.path}; name the key that it was made with, and put its own certificate first`;
  try {
    createSecureContext({ cert: certificate.bytes, key: privateKey.bytes });
    return undefined;
  } catch (error) {
    return `names ${privateKey.path}, which TLS does not take with ${certificate.path} (${codeOf(error)}); make a key of RSA 2048, ECDSA P-256 or better`;
  }
};
