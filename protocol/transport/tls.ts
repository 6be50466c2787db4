/**
 * How the two ends of a link verify themselves at the TLS layer, both sides in one place: a shared key (PSK), a server
 * certificate, or nothing at all on loopback. TLS is 1.3 or newer always. SPEC section "Transport security".
 *
 * What a PSK link rests on, each of it a test: the dialler trusts no certificate and refuses a connection that did not
 * end in its key; the listener gives no session tickets, because one outlives its key and comes back without its id,
 * and refuses a connection for which no known key id was asked.
 */
import { constants } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { type ConnectionOptions, TLSSocket, type TlsOptions } from "node:tls";
import { LRUCache } from "lru-cache";
import { isLoopback } from "../config/units.ts";
import { isKeyId, type LinkKey, type Secret } from "./key.ts";

/** PEM text, as read from a file. */
type Pem = string | Buffer;

export type ListenSecurity =
  /** The secrets that a key has now: asked at every handshake, so a key that is removed is refused from then on. */
  | { readonly mode: "psk"; secretsOf(id: string): readonly Secret[] }
  /** With `clientAuthorities` a dialler must show a certificate that one of them signed. */
  | {
      readonly mode: "certificate";
      readonly certificate: Pem;
      readonly privateKey: Pem;
      readonly clientAuthorities?: Pem;
    }
  /** Loopback only, unless `insecure`. */
  | { readonly mode: "plain"; readonly insecure?: boolean };

export type DialSecurity =
  | { readonly mode: "psk"; readonly key: LinkKey }
  /** `authorities` default to those of the machine; `serverName` to the host dialled. */
  | {
      readonly mode: "certificate";
      readonly authorities?: Pem;
      readonly serverName?: string;
      readonly client?: { readonly certificate: Pem; readonly privateKey: Pem };
    }
  /** Loopback only, unless `insecure`. */
  | { readonly mode: "plain"; readonly insecure?: boolean };

/** A configuration that would send a link in the clear over a network. @internal */
export class InsecureError extends Error {
  constructor(host: string) {
    super(
      `a link without TLS stays on this machine: ${JSON.stringify(host)} is not a loopback address. Use a shared key ("coilgun-edge pair"), or set "insecure: true" if the network itself is trusted`,
    );
    this.name = "InsecureError";
  }
}

const MIN_VERSION = "TLSv1.3";

// A key given by callback is bound to SHA-256 (OpenSSL), so the suites are those whose hash that is: a suite of another
// hash would silently leave the key aside. TLS 1.2 PSK suites are not listed because TLS 1.2 is refused.
const PSK_SUITES = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";

/** Throws InsecureError when a plain link would leave the machine without the operator's word. */
export const checkPlain = (host: string, security: ListenSecurity | DialSecurity): void => {
  if (security.mode === "plain" && security.insecure !== true && !isLoopback(host))
    throw new InsecureError(host);
};

/** The listener's side of TLS: its options, and what a connection verified. */
export interface ListenTls {
  readonly options: TlsOptions;
  /**
   * What a connection whose handshake is done has verified: the key by its id, or in certificate mode what was asked of
   * it. Undefined for one that came in without either: refuse it.
   */
  verifiedBy(socket: Socket): { readonly keyId: string | undefined; readonly secret?: Secret } | undefined;
  /** A peer proved its key with another secret than it was asked for. True where the key has another: its next dial is asked for that. */
  provedAnother(socket: Socket): boolean;
}

/** Peers remembered that proved another secret than they were asked for. */
const MOST_REMEMBERED = 1_000;

/** Undefined for a plain listener. */
export const listenTls = (security: ListenSecurity): ListenTls | undefined => {
  if (security.mode === "plain") return undefined;
  const common = { minVersion: MIN_VERSION, secureOptions: constants.SSL_OP_NO_TICKET } as const;
  if (security.mode === "certificate") {
    const { certificate, privateKey, clientAuthorities } = security;
    const clients =
      clientAuthorities === undefined
        ? {}
        : { ca: clientAuthorities, requestCert: true, rejectUnauthorized: true };
    return {
      options: { ...common, cert: certificate, key: privateKey, ...clients },
      verifiedBy: () => ({ keyId: undefined }),
      provedAnother: () => false,
    };
  }
  const asked = new WeakMap<Socket, { readonly keyId: string; readonly secret: Secret }>();
  // TLS is told one secret of an identity and says only that another one was proved: so the next dial from there is asked for the other.
  const notThis = new LRUCache<string, Secret>({ max: MOST_REMEMBERED });
  const placeOf = (socket: Socket, id: string) => `${id} ${socket.remoteAddress}`;
  return {
    options: {
      ...common,
      ciphers: PSK_SUITES,
      pskCallback(socket, id) {
        // A peer may offer several identities: only the last one asked can be the one it then verifies.
        asked.delete(socket);
        const secrets = isKeyId(id) ? security.secretsOf(id) : [];
        const refused = notThis.get(placeOf(socket, id));
        const secret = secrets.find((each) => !each.equals(refused)) ?? secrets[0];
        if (secret === undefined) return null;
        asked.set(socket, { keyId: id, secret });
        return secret.reveal();
      },
    },
    verifiedBy: (socket) => asked.get(socket),
    provedAnother: (socket) => {
      const { keyId, secret } = asked.get(socket) ?? {};
      if (keyId === undefined || security.secretsOf(keyId).length < 2) return false;
      notThis.set(placeOf(socket, keyId), secret);
      return true;
    },
  };
};

/** The dialler's side of TLS; undefined for a plain link. */
export const dialTls = (host: string, security: DialSecurity): ConnectionOptions | undefined => {
  switch (security.mode) {
    case "plain":
      return undefined;
    case "psk": {
      const { id, secret } = security.key;
      return {
        minVersion: MIN_VERSION,
        ciphers: PSK_SUITES,
        // The suites do not force the key: a server may answer with a certificate instead. None is trusted here.
        ca: [],
        rejectUnauthorized: true,
        pskCallback: () => ({ identity: id, psk: secret.reveal() }),
      };
    }
    case "certificate": {
      const { authorities, client } = security;
      const serverName = security.serverName ?? (isIP(host) === 0 ? host : undefined);
      return {
        minVersion: MIN_VERSION,
        rejectUnauthorized: true,
        ...(serverName === undefined ? {} : { servername: serverName }),
        ...(authorities === undefined ? {} : { ca: authorities }),
        ...(client === undefined ? {} : { cert: client.certificate, key: client.privateKey }),
      };
    }
  }
};

/**
 * Whether a connected dialler's socket ended in its key. TLS reports a key as a resumed session, and this dialler never
 * has another session to resume; a certificate means that the server verified something else.
 */
export const provedKey = (socket: TLSSocket): boolean =>
  socket.isSessionReused() && socket.getPeerX509Certificate() === undefined;

/** RFC 5705 keying material of a TLS connection; undefined for a plain one and for one that is gone. */
export const exportKeyOf = (socket: Socket, label: string, bytes: number): Buffer | undefined =>
  socket instanceof TLSSocket && !socket.destroyed
    ? socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0))
    : undefined;
