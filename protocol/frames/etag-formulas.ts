/**
 * Entity tags that are a hash of the body, as web frameworks make them. Where the edge has the whole body before the head goes
 * out, such a tag need not travel: in its place the ETag field holds one byte that names the formula. It is a control
 * character, which no head may hold, so it is never taken for a tag, nor a tag for it. SPEC section "Entity tags".
 */
import { hash } from "node:crypto";
import type { HeaderList } from "../http/header-list.ts";
import type { Fingerprint } from "../store/fingerprint.ts";

/** The feature that both hellos name; it stands for exactly the formulas below. */
export const OMITTED_ETAGS = "body-tags";

export interface TaggedPage {
  readonly body: Uint8Array;
  /** Of `body`. */
  readonly fingerprint: Fingerprint;
}

interface Formula {
  readonly hash: "md5" | "sha1" | "sha256";
  readonly coding: "hex" | "base64";
  /** So many of the characters are used. */
  readonly characters: number;
  /** What stands before them, for a body of so many bytes. */
  before(bytes: number): string;
}

const nothing = (): string => "";

/** By number; SPEC says who makes them. */
const FORMULAS: readonly Formula[] = [
  { hash: "sha1", coding: "base64", characters: 27, before: (bytes) => `${bytes.toString(16)}-` },
  { hash: "md5", coding: "hex", characters: 32, before: nothing },
  { hash: "sha1", coding: "hex", characters: 40, before: nothing },
  { hash: "sha256", coding: "hex", characters: 32, before: nothing },
  { hash: "md5", coding: "hex", characters: 32, before: () => "0" },
  { hash: "sha1", coding: "base64", characters: 28, before: nothing },
];

const CHARACTERS = { hex: /^[0-9a-f]+$/, base64: /^[A-Za-z0-9+/]+=?$/ } as const;

/** A formula, and whether its tag is a weak one. */
export interface NamedFormula {
  readonly number: number;
  readonly weak: boolean;
}

/** The formulas stand at 0x10 to 0x1f, weak ones at the odd places. */
const FIRST_CODE = 0x10;

/** What stands in place of the tag. */
export const nameOf = ({ number, weak }: NamedFormula): string =>
  String.fromCharCode(FIRST_CODE + 2 * number + (weak ? 1 : 0));

/** The formula that this value names; undefined for any other value. */
export const formulaNamed = (value: string): NamedFormula | undefined => {
  const code = value.length === 1 ? value.charCodeAt(0) - FIRST_CODE : -1;
  return code >= 0 && code < 2 * FORMULAS.length ? { number: code >> 1, weak: (code & 1) === 1 } : undefined;
};

/** Whether the formula costs a hash of the body; else the fingerprint has it. */
export const isHashed = ({ number }: NamedFormula): boolean => FORMULAS[number]?.hash !== "sha256";

/** The formulas that could give this tag to a body of so many bytes, the cheapest first; at most one of them `isHashed`. */
export const formulasLike = (tag: string, bytes: number): readonly NamedFormula[] => {
  const weak = tag.startsWith("W/");
  const inside = tag.slice(weak ? 3 : 1, -1);
  const found: NamedFormula[] = [];
  for (const [number, { coding, characters, before }] of FORMULAS.entries()) {
    const rest = inside.length - characters;
    if (rest < 0 || inside.slice(0, rest) !== before(bytes)) continue;
    if (!CHARACTERS[coding].test(inside.slice(rest)) || tag !== quoted(inside, weak)) continue;
    const formula = { number, weak };
    if (isHashed(formula)) found.push(formula);
    else found.unshift(formula);
  }
  return found;
};

/** The tag that a formula, which `formulaNamed` or `formulasLike` gave, makes of a page. */
export const tagBy = ({ number, weak }: NamedFormula, { body, fingerprint }: TaggedPage): string => {
  const { hash, coding, characters, before } = FORMULAS[number] as Formula;
  const digest =
    hash === "sha256" ? Buffer.from(fingerprint, "latin1").toString(coding) : digestOf(body, hash, coding);
  return quoted(before(body.length) + digest.slice(0, characters), weak);
};

const quoted = (inside: string, weak: boolean): string => (weak ? `W/"${inside}"` : `"${inside}"`);

interface Digest {
  readonly kind: string;
  readonly text: string;
}

/** The last digest of each body, for as long as somebody holds the body: a version that is the same page again is not hashed again. */
const DIGESTS = new WeakMap<Uint8Array, Digest>();

const digestOf = (body: Uint8Array, algorithm: "md5" | "sha1", coding: "hex" | "base64"): string => {
  const kind = `${algorithm} ${coding}`;
  const known = DIGESTS.get(body);
  if (known?.kind === kind) return known.text;
  const text = hash(algorithm, body, coding);
  DIGESTS.set(body, { kind, text });
  return text;
};

/** Where the value of the one ETag stands in a list; undefined where there is none, or more than one. */
export const placeOfTag = (list: HeaderList): number | undefined => {
  let place: number | undefined;
  for (let i = 0; i + 1 < list.length; i += 2) {
    if (list[i]?.length !== 4 || list[i]?.toLowerCase() !== "etag") continue;
    if (place !== undefined) return undefined;
    place = i + 1;
  }
  return place;
};

/** RFC 9110 section 8.8.3. */
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

export const isEntityTag = (value: string): boolean => ENTITY_TAG.test(value);
