/**
 * A shared config as it lies in the store: sealed, so that who reads the store learns no setting, and signed, so that who writes there
 * changes none. Three parts of base64url with dots between: a header in JSON; the YAML text under AES-256-GCM, nonce first, tag last,
 * with the header as associated data; and the Ed25519 signature over both as they are written (RFC 8032). The sealing key comes from
 * the fleet's by HKDF-SHA256 (RFC 5869).
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { z } from "zod";
import { Complaint } from "../runtime/user-error.ts";
import { derived } from "../tier/store-key.ts";
import type { Secret } from "../transport/key.ts";

const SIDES = ["edge", "origin"] as const;

/** Whose config it is: of the edges of a fleet, or of its origin sides. */
export type Side = (typeof SIDES)[number];

/** Most characters of a signed config. */
export const MOST_SIGNED_CHARS = 4 * 1024 * 1024;

/** A version that was verified. */
export interface FleetConfig {
  readonly version: number;
  /** When it was signed. */
  readonly at: string;
  /** The YAML text. */
  readonly text: string;
  /** As it lies in the store. */
  readonly signed: string;
  /** The public key that verified it. */
  readonly signer: string;
}

/** What a config is verified against. */
export interface Trust {
  readonly side: Side;
  readonly name: string;
  /** Public keys of those who may change it, as `publicKeyText` writes them. */
  readonly keys: readonly string[];
  /** The fleet's key. */
  readonly seal: Secret;
}

const header = z.strictObject({
  side: z.enum(SIDES),
  name: z.string(),
  version: z.int().min(1),
  at: z.iso.datetime(),
});

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SIGNED = /^([\w-]+)\.([\w-]+)\.([\w-]{86})$/;
const SIGNATURE_OF = "coilgun config 1\n";

const sealingKey = (seal: Secret): Buffer => derived(seal.reveal(), "coilgun config seal 1");
const signedPart = (head: string, sealed: string): Buffer => Buffer.from(`${SIGNATURE_OF}${head}.${sealed}`);

export const signConfig = (
  { version, at, text }: Pick<FleetConfig, "version" | "at" | "text">,
  { side, name, seal }: Omit<Trust, "keys">,
  signingKey: KeyObject,
): string => {
  const head = Buffer.from(JSON.stringify({ side, name, version, at })).toString("base64url");
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, sealingKey(seal), nonce).setAAD(Buffer.from(head));
  const body = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  const sealed = body.toString("base64url");
  const signature = sign(null, signedPart(head, sealed), signingKey).toString("base64url");
  const signed = `${head}.${sealed}.${signature}`;
  if (signed.length <= MOST_SIGNED_CHARS) return signed;
  throw new Complaint(`a shared config has 3 MiB at most; this one has ${Buffer.byteLength(text)} bytes`);
};

/** Throws Complaint, which says what is wrong with it; nothing is read of what is not signed. */
export const openConfig = (signed: string, { side, name, keys, seal }: Trust): FleetConfig => {
  const [, head, sealed, signature] = SIGNED.exec(signed) ?? [];
  if (head === undefined || sealed === undefined || signature === undefined)
    throw new Complaint("it is no signed config");
  const proof = Buffer.from(signature, "base64url");
  const signer = keys.find((key) => verify(null, signedPart(head, sealed), publicKeyOf(key), proof));
  if (signer === undefined) throw new Complaint("its signature is of none of the keys under configKey");
  const of = headerIn(head);
  if (of.side !== side || of.name !== name)
    throw new Complaint(
      `it was signed as ${of.name} of the ${of.side} side, not as ${name} of the ${side} side`,
    );
  return { version: of.version, at: of.at, text: unsealed(head, sealed, seal), signed, signer };
};

/** The same for what is to be served: what is older than `atLeast` was set back by somebody. */
export const openServable = (signed: string, trust: Trust & { readonly atLeast: number }): FleetConfig => {
  const config = openConfig(signed, trust);
  if (config.version >= trust.atLeast) return config;
  throw new Complaint(`version ${config.version} is older than configAtLeast (${trust.atLeast}) allows`);
};

const headerIn = (head: string): z.infer<typeof header> => {
  try {
    return header.parse(JSON.parse(Buffer.from(head, "base64url").toString("utf8")));
  } catch {
    throw new Complaint("its header is of another release; upgrade this one");
  }
};

const unsealed = (head: string, sealed: string, seal: Secret): string => {
  const body = Buffer.from(sealed, "base64url");
  try {
    const decipher = createDecipheriv(CIPHER, sealingKey(seal), body.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(head))
      .setAuthTag(body.subarray(-TAG_BYTES));
    return Buffer.concat([
      decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES)),
      decipher.final(),
    ]).toString("utf8");
  } catch {
    throw new Complaint("configSeal holds another key than the one it was sealed with");
  }
};

const PUBLIC_PREFIX = "ed25519:";
const PUBLIC_TEXT = /^ed25519:[\w-]{43}$/;

/** Whether `text` is what `publicKeyText` writes. */
export const isPublicKeyText = (text: string): boolean => PUBLIC_TEXT.test(text);

const publicKeyOf = (text: string): KeyObject =>
  createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: text.slice(PUBLIC_PREFIX.length) },
    format: "jwk",
  });

/** `ed25519:` and 43 characters, of either half of a key. */
export const publicKeyText = (key: KeyObject): string =>
  `${PUBLIC_PREFIX}${createPublicKey(key).export({ format: "jwk" }).x}`;

/** A new one, as PEM (PKCS #8). */
export const newSigningKey = (): string =>
  generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** Undefined for what is no Ed25519 key in PEM. */
export const parseSigningKey = (pem: string): KeyObject | undefined => {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    return undefined;
  }
};
