/**
 * After 101: two connections as one. The bytes of each go to the other, no faster than it takes them; each side ends its own
 * half, and the other half goes on until it is ended too (RFC 9110 section 7.8, RFC 6455 section 7.1). SPEC section
 * "Upgrades".
 */
import type { Duplex } from "node:stream";
import { StreamError } from "../errors.ts";
import { breakOff } from "../http/break-off.ts";
import { drained } from "../runtime/drained.ts";
import type { RequestBody } from "./body.ts";

/** The visitor's side of an upgraded connection, as far as the web server's side needs it. */
export interface UpgradedVisitor {
  /** Fires when the visitor, or its link, breaks off. */
  readonly gone: AbortSignal;
  /** Undefined, or resolves, when more may be sent. */
  data(bytes: Uint8Array): Promise<void> | undefined;
  /** The web server's half has ended. */
  endHalf(): void;
}

/** Resolves with the bytes that the web server sent, when both halves have ended. Rejects when either side breaks off. */
export const joinUpgraded = async (
  visitor: UpgradedVisitor,
  fromVisitor: RequestBody,
  connection: Duplex,
): Promise<number> => {
  // What the visitor broke off must not look to the web server like a half that has ended.
  const leave = () => breakOff(connection);
  visitor.gone.addEventListener("abort", leave, { once: true });
  if (visitor.gone.aborted) leave();
  try {
    const inFull = Promise.all([toVisitor(connection, visitor), toOrigin(fromVisitor, connection)]);
    const [bytes] = await Promise.race([inFull, brokenOff(connection)]);
    return bytes;
  } finally {
    visitor.gone.removeEventListener("abort", leave);
    connection.destroy();
  }
};

const toVisitor = async (connection: Duplex, visitor: UpgradedVisitor): Promise<number> => {
  let bytes = 0;
  try {
    for await (const piece of connection.iterator({ destroyOnReturn: false })) {
      bytes += piece.length;
      await visitor.data(piece);
    }
  } catch (cause) {
    visitor.gone.throwIfAborted();
    throw new StreamError("truncated", BROKEN_OFF, { cause });
  }
  visitor.endHalf();
  return bytes;
};

const toOrigin = async (fromVisitor: RequestBody, connection: Duplex): Promise<void> => {
  for (;;) {
    const next = await fromVisitor.next();
    if (!(next instanceof Uint8Array)) break;
    if (!connection.write(next)) await drained(connection);
    fromVisitor.taken(next.length);
  }
  connection.end();
};

/** Rejects when the connection closes before both halves have ended; never resolves. */
const brokenOff = (connection: Duplex): Promise<never> =>
  new Promise((_, reject) => {
    connection.once("close", () => {
      if (!connection.writableFinished) reject(new StreamError("truncated", BROKEN_OFF));
    });
  });

const BROKEN_OFF = "the web server broke the upgraded connection off";
