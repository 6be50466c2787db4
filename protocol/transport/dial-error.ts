/**
 * Why a link could not be dialled: the one place where the words of Node, OpenSSL and ws become ours. Every message
 * says what the operator can do; the original error stays as `cause`. SPEC section "Dialling".
 */
import { printHostPort } from "../config/units.ts";
import { DeadlineError } from "../runtime/clock.ts";
import type { DialSecurity } from "./tls.ts";

export type DialErrorCode =
  /** Nothing answers there: name, network, port, time; or it hung up before it answered. */
  | "unreachable"
  /** Something answers, and it is not a Coilgun edge spoken to in its own way. */
  | "not-coilgun"
  /** The edge does not know the key id. */
  | "key-refused"
  /** The edge asked for another secret of the key id. */
  | "secret-refused"
  /** The server answered with something else than the shared key: it may be an impostor. */
  | "no-key-proved"
  /** The server's certificate does not verify that it is the edge. */
  | "certificate-invalid"
  /** The edge wants a client certificate, or another one. */
  | "certificate-refused"
  /** The other end speaks no TLS 1.3. */
  | "tls-too-old";

export class DialError extends Error {
  readonly code: DialErrorCode;
  constructor(code: DialErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DialError";
    this.code = code;
  }
}

type Mode = DialSecurity["mode"];
/** And what the operator can do about it. */
type Reason = readonly [DialErrorCode, string];

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is coilgun-edge running, and is the port right?",
  ENOTFOUND: "no such host name: check its spelling and the DNS",
  EAI_AGAIN: "the DNS does not answer: check this machine's name servers",
  ETIMEDOUT: "no answer: is a firewall in between, or the edge down?",
  EHOSTUNREACH: "no way to that host: check the network and the address",
  ENETUNREACH: "no way to that network: check the network and the address",
  ENETDOWN: "the network of this machine is down",
  EADDRNOTAVAIL: "this machine has no address, or no free port, to dial from: check its network",
  ECONNRESET:
    "it hung up before it answered: see the edge's log (too many attempts from here, a client certificate it does not know, or it is stopping)",
  EPIPE: "it hung up before it answered: see the edge's log",
};

const NOT_TLS_13: Reason = [
  "tls-too-old",
  "it speaks no TLS 1.3: Coilgun needs Node.js 24 on both ends, and a balancer in between must allow TLS 1.3",
];

const OWN_CERTIFICATE: Reason = [
  "certificate-refused",
  "the edge does not accept this side's client certificate: check `client` here and `clientAuthorities` at the edge",
];

/** OpenSSL's reasons. Alerts are the peer's words, the others ours. */
const TLS_REASONS: Readonly<Record<string, Reason>> = {
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: [
    "secret-refused",
    "the edge knows this key id with another secret: pair again, or copy the secret again",
  ],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NOT_TLS_13,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NOT_TLS_13,
  ERR_SSL_WRONG_SSL_VERSION: NOT_TLS_13,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: OWN_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: OWN_CERTIFICATE,
};

/** Of a server that showed a certificate, or nothing, where a shared key was asked. */
export const NO_KEY_PROVED: Reason = [
  "no-key-proved",
  "the server did not prove the shared key: this is not the edge, or it runs in certificate mode, or something in between ends TLS",
];

/** The alert of a server that found no common way to verify itself; its name changed between OpenSSL versions. */
const HANDSHAKE_FAILURE = /ALERT_HANDSHAKE_FAILURE$/;
/** Either side's word for a record that is not as it was sent. */
const DAMAGED = /BAD_RECORD_MAC$/;
/** Node's names for a certificate that does not verify what it should. */
const CERTIFICATE = /CERT|CRL|ISSUER|SIGNATURE|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH/;

const MAY_EXPECT_TLS = "it may expect TLS, so set its key or certificate here";

/** `bySystem`: a system call failed, so that it says nothing of who answers there. */
const judge = (code: string, mode: Mode, bySystem: boolean): Reason => {
  if (code === "ECONNRESET" && mode === "plain") {
    return ["unreachable", `it hung up before it answered: ${MAY_EXPECT_TLS}, or see the edge's log`];
  }
  const unreachable = UNREACHABLE[code];
  if (unreachable !== undefined) return ["unreachable", unreachable];
  const known = TLS_REASONS[code];
  if (known !== undefined) return known;
  if (HANDSHAKE_FAILURE.test(code)) {
    return mode === "psk"
      ? ["key-refused", "the edge does not know this key id: add the key to the edge's config, or pair again"]
      : ["key-refused", "the edge has no certificate to show: it expects a shared key, so set the key here"];
  }
  if (DAMAGED.test(code)) return ["unreachable", "what it said was damaged on the way: check the network"];
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") {
    return ["not-coilgun", `it does not answer in TLS (${code}): is this the edge's tunnel port?`];
  }
  if (CERTIFICATE.test(code)) {
    return mode === "psk"
      ? NO_KEY_PROVED
      : [
          "certificate-invalid",
          `its certificate is not valid for this link (${code}): check authorities, serverName and the dates`,
        ];
  }
  if (mode === "plain" && code.startsWith("HPE_")) {
    return ["not-coilgun", `it does not answer in plain HTTP: ${MAY_EXPECT_TLS}`];
  }
  if (bySystem) return ["unreachable", `no connection (${code}): check the network and the address`];
  return ["not-coilgun", `it does not answer as a Coilgun edge (${code}): is this the edge's tunnel port?`];
};

/** Of an HTTP answer other than 101. */
export const wrongStatus = (status: number): Reason =>
  status === 502 || status === 503 || status === 504
    ? ["unreachable", `a server in between answers ${status}: there is no edge behind it now`]
    : [
        "not-coilgun",
        `it answers HTTP ${status} instead of opening a link: is this the edge's tunnel port, and of this version?`,
      ];

export interface DialPlace {
  readonly host: string;
  readonly port: number;
  readonly mode: Mode;
}

/** Of several addresses that were tried the first one's failure has the code of all. */
const isBySystem = (cause: unknown): boolean => {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error && "syscall" in first;
};

/** A DialError about that place. */
export const dialError = (place: DialPlace, [code, text]: Reason, cause?: unknown): DialError =>
  new DialError(
    code,
    `link to ${printHostPort(place)} failed: ${text}`,
    cause === undefined ? {} : { cause },
  );

/** Whatever went wrong, as a DialError; one that already is passes unchanged. */
export const toDialError = (place: DialPlace, cause: unknown): DialError => {
  if (cause instanceof DialError) return cause;
  if (cause instanceof DeadlineError) {
    return dialError(
      place,
      ["unreachable", `${cause.message}: is a firewall in between, or the edge busy?`],
      cause,
    );
  }
  const code =
    cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
  const reason: Reason =
    code === undefined
      ? [
          "not-coilgun",
          `it does not speak the link's WebSocket (${cause instanceof Error ? cause.message : String(cause)}): is this the edge's tunnel port, and of this version?`,
        ]
      : judge(code, place.mode, isBySystem(cause));
  return dialError(place, reason, cause);
};
