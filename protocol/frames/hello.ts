/**
 * The first frame each side sends, in one flight: who it is, what it speaks, and the bounds it keeps. Its fixed fields never
 * change, so any two versions can read each other's hello and say clearly why they part. SPEC section "Hello".
 */

import { LinkError } from "../errors.ts";
import { ByteReader, type ByteWriter } from "../wire/bytes.ts";
import {
  EXTENSION,
  type Extension,
  extensionOf,
  numberExtension,
  readExtensions,
  writeExtensions,
} from "../wire/extensions.ts";

/** The version of the wire this code speaks, and the oldest it still understands. */
export const WIRE_VERSION = 2;
export const OLDEST_WIRE_VERSION = 1;

const MAGIC = "CGLN";
export const ID_BYTES = 16;
export const NONCE_BYTES = 16;
const MOST_CODECS = 32;

const ROLES = { edge: 1, origin: 2 } as const;
export type Role = keyof typeof ROLES;

/** Bounds that the sender of a hello keeps, and asks its peer to keep. */
interface WireBounds {
  /** Most bytes of names and values in one head. */
  readonly headBytes: number;
  /** Largest header table; the smaller of both hellos is used in both directions. */
  readonly tableBytes: number;
  /** First window of each stream. */
  readonly streamBytes: number;
  /** Most streams open at once. */
  readonly streams: number;
  /** Largest page that may travel as same, delta or whole as a buffered answer. */
  readonly pageBytes: number;
}

export interface Hello extends WireBounds {
  readonly kind: "hello";
  readonly version: number;
  readonly oldest: number;
  readonly role: Role;
  /** Groups the parallel links of one running program; 16 bytes, latin1. */
  readonly instanceId: string;
  /** Names the version store; random when a store is made; 16 bytes, latin1. */
  readonly storeId: string;
  /** Fresh for each link; 16 bytes, latin1. */
  readonly nonce: string;
  /** Codec numbers, the preferred one first. */
  readonly codecs: readonly number[];
  readonly features: readonly string[];
  /** The version of the program; undefined where it is not said. */
  readonly program?: string | undefined;
  /** When it was made, in milliseconds since 1970 by its maker's clock; undefined where it is not said. */
  readonly today?: number | undefined;
}

/** Some words of a peer's that are to be shown. */
const READABLE = /^[\x21-\x7e]{1,64}$/;

export const writeHello = (w: ByteWriter, hello: Hello, more: readonly Extension[] = []): void => {
  w.latin1(MAGIC).varint(hello.version).varint(hello.oldest).u8(ROLES[hello.role]);
  w.latin1(hello.instanceId).latin1(hello.storeId).latin1(hello.nonce);
  w.varint(hello.headBytes).varint(hello.tableBytes).varint(hello.streamBytes).varint(hello.streams);
  w.varint(hello.pageBytes).varint(hello.codecs.length);
  for (const codec of hello.codecs) w.varint(codec);
  const { features, program, today } = hello;
  writeExtensions(w, [
    ...(features.length > 0 ? [latin1(EXTENSION.features, features.join(" "))] : []),
    ...(program === undefined ? [] : [latin1(EXTENSION.program, program)]),
    ...(today === undefined ? [] : [numberExtension(EXTENSION.today, today)]),
    ...more,
  ]);
};

export const readHello = (r: ByteReader): Hello => {
  if (r.latin1(MAGIC.length) !== MAGIC)
    throw new LinkError(
      "bad-frame",
      "the peer does not speak Coilgun's protocol: its hello has another magic",
    );
  return {
    kind: "hello",
    version: r.varint(),
    oldest: r.varint(),
    role: readRole(r),
    instanceId: r.latin1(ID_BYTES),
    storeId: r.latin1(ID_BYTES),
    nonce: r.latin1(NONCE_BYTES),
    headBytes: r.varint(),
    tableBytes: r.varint(),
    streamBytes: r.varint(),
    streams: r.varint(),
    pageBytes: r.varint(),
    codecs: readCodecs(r),
    ...readSaid(readExtensions(r)),
  };
};

/** The version both speak; throws LinkError("wrong-version") when there is none. */
export const agreedVersion = (ours: Hello, theirs: Hello): number => {
  const version = Math.min(ours.version, theirs.version);
  if (version >= ours.oldest && version >= theirs.oldest) return version;
  const older = theirs.version < ours.version ? "the peer" : "this side";
  throw new LinkError(
    "wrong-version",
    `this side speaks wire versions ${ours.oldest} to ${ours.version}, the peer ${theirs.oldest} to ${theirs.version}: upgrade ${older}`,
  );
};

const readRole = (r: ByteReader): Role => {
  const number = r.u8();
  if (number === ROLES.edge) return "edge";
  if (number === ROLES.origin) return "origin";
  throw new LinkError("bad-frame", `unknown role ${number} in hello`);
};

const readCodecs = (r: ByteReader): readonly number[] => {
  const count = r.varint();
  if (count > MOST_CODECS)
    throw new LinkError("bad-frame", `hello names ${count} codecs, more than ${MOST_CODECS}`);
  return Array.from({ length: count }, () => r.varint());
};

const latin1 = (tag: number, text: string): Extension => ({ tag, bytes: Buffer.from(text, "latin1") });

const readSaid = (extensions: readonly Extension[]): Pick<Hello, "features" | "program" | "today"> => {
  const textOf = (tag: number) => extensionOf(extensions, tag)?.toString("latin1");
  const program = textOf(EXTENSION.program);
  const today = extensionOf(extensions, EXTENSION.today);
  return {
    features: textOf(EXTENSION.features)?.split(" ").filter(Boolean) ?? [],
    ...(program !== undefined && READABLE.test(program) && { program }),
    ...(today && { today: new ByteReader(today).varint() }),
  };
};
