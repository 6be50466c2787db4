/**
 * The one key that pairs an edge with an origin side: an id that may be printed and a secret that may not. The secret
 * is 32 random bytes, written in config files as `cgk1_` and 43 characters of base64url. It lives in a `Secret`, which
 * shows nothing of itself in a log line, a JSON text or an inspected object. SPEC section "Keys".
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

/** @internal */
export const SECRET_BYTES = 32;
export const MAX_KEY_ID_LENGTH = 64;

const SECRET_PREFIX = "cgk1_";
const SECRET_TEXT = /^cgk1_[A-Za-z0-9_-]{43}$/;
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;
const SHOWN = "[secret]";

/** A key id or secret that is not well formed. The message never holds any part of a secret. @internal */
export class LinkKeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LinkKeyError";
  }
}

/** Bytes that cannot be printed by accident; only `reveal` and `secretText` show them. */
export class Secret {
  readonly #bytes: Buffer;

  /** Throws LinkKeyError unless there are exactly SECRET_BYTES. The bytes are copied. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== SECRET_BYTES) {
      throw new LinkKeyError(`a link secret has ${SECRET_BYTES} bytes, not ${bytes.length}`);
    }
    this.#bytes = Buffer.from(bytes);
  }

  equals(other: Secret | undefined): boolean {
    return other !== undefined && timingSafeEqual(this.#bytes, other.#bytes);
  }

  /** The bytes themselves, for TLS and HMAC only. */
  reveal(): Buffer {
    return this.#bytes;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

/** `id` goes into logs, metrics and config; `secret` never does. */
export interface LinkKey {
  readonly id: string;
  readonly secret: Secret;
  /** The one before it, while a key is rotated. */
  readonly previous?: PreviousSecret | undefined;
}

interface PreviousSecret {
  readonly secret: Secret;
  /** Milliseconds since 1970; undefined: until the config names it no more. */
  readonly untilMs: number | undefined;
}

/** The secrets that prove the key at that time (milliseconds since 1970), the newest first. */
export const secretsAt = ({ secret, previous }: LinkKey, ms: number): readonly Secret[] =>
  previous === undefined || (previous.untilMs ?? Number.POSITIVE_INFINITY) <= ms
    ? [secret]
    : [secret, previous.secret];

/** Whether `text` can name a key. */
export const isKeyId = (text: string): boolean => KEY_ID.test(text);

/** `text` itself; throws LinkKeyError when it cannot name a key. @internal */
export const parseKeyId = (text: string): string => {
  if (isKeyId(text)) return text;
  throw new LinkKeyError(
    `a key id is 1 to ${MAX_KEY_ID_LENGTH} letters, digits, dots, dashes or underscores: ${JSON.stringify(text.slice(0, MAX_KEY_ID_LENGTH + 1))} is not`,
  );
};

/** A new key of that name. `chance` returns that many random bytes. */
export const makeLinkKey = (id: string, chance: (bytes: number) => Uint8Array = randomBytes): LinkKey => ({
  id: parseKeyId(id),
  secret: new Secret(chance(SECRET_BYTES)),
});

/** The secret as config files hold it. Whoever has this text has the link. */
export const secretText = (secret: Secret): string => SECRET_PREFIX + secret.reveal().toString("base64url");

/** Reads what `secretText` wrote; throws LinkKeyError, which says what is wrong and never what was read. */
export const parseSecret = (text: string): Secret => {
  if (!text.startsWith(SECRET_PREFIX)) {
    throw new LinkKeyError(`a link secret begins with "${SECRET_PREFIX}"; make one with "coilgun-edge pair"`);
  }
  if (!SECRET_TEXT.test(text)) {
    const wanted = Math.ceil((SECRET_BYTES * 4) / 3);
    throw new LinkKeyError(
      `a link secret has ${wanted} characters of A-Z a-z 0-9 - _ after "${SECRET_PREFIX}"; this one has ${text.length - SECRET_PREFIX.length} or holds others: copy it again, whole`,
    );
  }
  const secret = new Secret(Buffer.from(text.slice(SECRET_PREFIX.length), "base64url"));
  // 43 characters carry two bits more than 32 bytes: only one of the four spellings is ours.
  if (secretText(secret) !== text) {
    throw new LinkKeyError("the last character of this link secret is wrong: copy it again, whole");
  }
  return secret;
};
