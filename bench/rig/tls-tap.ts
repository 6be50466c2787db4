/**
 * Reads one TLS 1.3 connection from outside, with the secrets that a daemon wrote to its key log: what went through each
 * direction, record by record. Measures what TLS adds and shows what is inside, without a daemon knowing. Only the
 * suites with SHA-256, which are all that a link offers (SPEC section "Transport security").
 */
import { createDecipheriv, createHmac } from "node:crypto";

const HEADER_BYTES = 5;
const TAG_BYTES = 16;
const IV_BYTES = 12;
const APPLICATION_DATA = 23;

const CIPHERS = [
  { name: "aes-128-gcm", keyBytes: 16 },
  { name: "chacha20-poly1305", keyBytes: 32 },
] as const;

/** The secrets of one direction, in the order in which they are used: handshake, then application. */
export type DirectionSecrets = readonly Buffer[];

/** HKDF-Expand-Label of RFC 8446 section 7.1, without a context; one block of SHA-256 is enough for keys and nonces. */
const expandLabel = (secret: Buffer, label: string, length: number): Buffer => {
  const name = `tls13 ${label}`;
  const label16 = Buffer.concat([Buffer.of(0, length, name.length), Buffer.from(name), Buffer.of(0, 1)]);
  return createHmac("sha256", secret).update(label16).digest().subarray(0, length);
};

/** Opens records of one key, in order; undefined for a record that this key did not seal. */
const opener = (secret: Buffer, { name, keyBytes }: (typeof CIPHERS)[number]) => {
  const key = expandLabel(secret, "key", keyBytes);
  const iv = expandLabel(secret, "iv", IV_BYTES);
  let sequence = 0;
  return (record: Buffer): Buffer | undefined => {
    const nonce = Buffer.from(iv);
    const low = nonce.readUInt32BE(IV_BYTES - 4);
    nonce.writeUInt32BE((low ^ sequence) >>> 0, IV_BYTES - 4);
    // The types of createDecipheriv know its authenticated ciphers by name only.
    const cipher = createDecipheriv(name as "chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES });
    const sealed = record.subarray(HEADER_BYTES);
    cipher.setAAD(record.subarray(0, HEADER_BYTES), { plaintextLength: sealed.length - TAG_BYTES });
    cipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const plain = cipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    try {
      cipher.final();
    } catch {
      return undefined;
    }
    sequence += 1;
    return plain;
  };
};

/** One direction of a connection. Feed it what crossed; it hands out application data, and counts what TLS took. */
export class TlsTap {
  readonly #openers: ReturnType<typeof opener>[];
  readonly #plain: (bytes: Buffer) => void;
  #waiting: Buffer = Buffer.alloc(0);
  /** Bytes of records beyond the application data in them: headers, tags, and records that hold none. */
  overheadBytes = 0;

  constructor(secrets: DirectionSecrets, plain: (bytes: Buffer) => void) {
    this.#openers = secrets.flatMap((secret) => CIPHERS.map((cipher) => opener(secret, cipher)));
    this.#plain = plain;
  }

  /** Throws where a record cannot be read: then these are not the secrets of this connection. */
  push(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#waiting, chunk]);
    while (bytes.length >= HEADER_BYTES) {
      const length = HEADER_BYTES + bytes.readUInt16BE(3);
      if (bytes.length < length) break;
      this.#record(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
    }
    this.#waiting = bytes;
  }

  #record(record: Buffer): void {
    const inner = record[0] === APPLICATION_DATA ? this.#open(record) : Buffer.alloc(1);
    const end = inner.findLastIndex((byte) => byte !== 0); // the type, then padding
    const data = inner[end] === APPLICATION_DATA ? inner.subarray(0, end) : Buffer.alloc(0);
    this.overheadBytes += record.length - data.length;
    if (data.length > 0) this.#plain(data);
  }

  #open(record: Buffer): Buffer {
    for (let open = this.#openers[0]; open !== undefined; open = this.#openers[0]) {
      const inner = open(record);
      if (inner !== undefined) return inner;
      this.#openers.shift(); // that key's time is over, or the suite is the other one
    }
    throw new Error("a TLS record that none of the logged secrets opens");
  }
}
