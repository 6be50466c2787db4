/**
 * The pages that `bench pair` asks for, made from the demo site's stories and cut to an exact size. A changing page
 * differs from the one before in eight short places and in its checksum. Every body ends in the SHA-256 of the rest and
 * names its serial number, as does its ETag: who holds head and body can tell whether a byte is wrong, or whether the
 * two belong together.
 */
import { createHash } from "node:crypto";
import { type Chance, chanceFor } from "../demo-site/chance.ts";
import { renderTarget } from "../demo-site/pages.ts";
import { visitOf } from "../demo-site/site.ts";
import { article, newestArticle } from "../demo-site/world.ts";

const SEED = 2408;
/** Places where a changing page differs each time. */
const SPOTS = 8;

export interface MadePage {
  readonly contentType: string;
  readonly bytes: number;
  /** The body as it is the `serial`th time it is made. Each call gives a buffer of its own. */
  readonly make: (serial: number) => Buffer;
  readonly changes: boolean;
}

const HTML = "text/html; charset=utf-8";
const IMAGE = "image/jpeg";
const JSON_TYPE = "application/json; charset=utf-8";

/** Every page by its path. 10 KB is 10,000 bytes. */
export const pagesByPath = (): ReadonlyMap<string, MadePage> => {
  const prose = proseOfTheTown(120_000);
  return new Map<string, MadePage>([
    ["/steady-10k", steady(changing(prose, 10_000))],
    ["/changing-10k", changing(prose, 10_000)],
    ["/changing-44k", changing(prose, 44_000)],
    ["/changing-100k", changing(prose, 100_000)],
    ["/image-100k", image(100_000)],
    ["/small", small(200)],
  ]);
};

/** The entity tag of a page's `serial`th version: weak, as it is of dynamic pages. */
export const tagOf = (serial: number): string => `W/"page-${serial}"`;

/** What is wrong with a body that came with this entity tag; undefined if nothing is. */
export function flawIn(body: Buffer, tag: string | undefined): string | undefined {
  const sealed = /page (\d{10}) sha256 ([0-9a-f]{64})([\s\S]*)$/.exec(body.subarray(-100).toString("latin1"));
  const [, serial = "", written = "", closing] = sealed ?? [];
  if (closing === undefined || !CLOSINGS.includes(closing))
    return `${body.length} bytes do not end in a checksum`;
  const end = body.lastIndexOf(` sha256 ${written}`, undefined, "latin1");
  if (digestOf(body.subarray(0, end)) !== written) return `the checksum of ${body.length} bytes is wrong`;
  if (tag !== tagOf(Number(serial)))
    return `page ${Number(serial)} came with the head of ${tag ?? "no version"}`;
  return undefined;
}

const CLOSING = " -->\n</html>\n";
const JSON_OPENING = '{"seal":"';
const JSON_CLOSING = '"}';
/** What may stand after a checksum: of markup, of JSON, of an image. */
const CLOSINGS: readonly string[] = [CLOSING, JSON_CLOSING, ""];

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const SERIAL_DIGITS = 10;
/** A serial number as it stands in a page: ten digits. */
export const serialText = (serial: number): string => String(serial).padStart(SERIAL_DIGITS, "0");
const SEAL_BYTES = "page  sha256 ".length + SERIAL_DIGITS + 64;

/** Writes serial and checksum over the last bytes of `body`, before `closing` more. */
function seal(body: Buffer, serial: number, closing: number): Buffer {
  const from = body.length - closing - SEAL_BYTES;
  body.write(`page ${serialText(serial)}`, from, "latin1");
  const hashed = from + "page ".length + SERIAL_DIGITS;
  body.write(` sha256 ${digestOf(body.subarray(0, hashed))}`, hashed, "latin1");
  return body;
}

const SPOT = `<b data-nonce="00000000">0000000000</b>`;
const NONCE_AT = SPOT.indexOf("0");
const COUNT_AT = SPOT.lastIndexOf("0000000000");

/** Markup of `bytes` bytes with a number and a nonce in eight places. */
function changing(prose: string, bytes: number): MadePage {
  const before = bytes - SPOTS * SPOT.length - SEAL_BYTES - CLOSING.length - "<!-- ".length;
  const spots: number[] = [];
  let text = "";
  let taken = 0;
  for (let spot = 0; spot < SPOTS; spot += 1) {
    // Between two tags, as a template's variables stand.
    const even = Math.floor((before * (spot + 0.5)) / SPOTS);
    const cut = Math.max(taken, prose.lastIndexOf("<", even));
    text += prose.slice(taken, cut);
    spots.push(text.length);
    text += SPOT;
    taken = cut;
  }
  text += `${prose.slice(taken, before)}<!-- ${" ".repeat(SEAL_BYTES)}${CLOSING}`;
  const template = Buffer.from(text, "latin1");
  return {
    contentType: HTML,
    bytes: template.length,
    changes: true,
    make(serial) {
      const body = Buffer.from(template);
      const chance = chanceFor(SEED, "page", serial);
      for (const at of spots) {
        body.write(chance.hex(8), at + NONCE_AT, "latin1");
        body.write(serialText(serial), at + COUNT_AT, "latin1");
      }
      return seal(body, serial, CLOSING.length);
    },
  };
}

const steady = (page: MadePage): MadePage => {
  const body = page.make(0);
  return { ...page, changes: false, make: () => body };
};

/** Bytes that nothing compresses, as pictures are. */
function image(bytes: number): MadePage {
  const body = seal(noise(bytes, chanceFor(SEED, "image", bytes)), 0, 0);
  return { contentType: IMAGE, bytes, changes: false, make: () => body };
}

/** A small JSON answer, different each time. */
function small(bytes: number): MadePage {
  const filling = ".".repeat(bytes - SEAL_BYTES - JSON_OPENING.length - JSON_CLOSING.length);
  const template = Buffer.from(`${JSON_OPENING}${filling}${" ".repeat(SEAL_BYTES)}${JSON_CLOSING}`, "latin1");
  return {
    contentType: JSON_TYPE,
    bytes,
    changes: true,
    make: (serial) => seal(Buffer.from(template), serial, JSON_CLOSING.length),
  };
}

const LEAST_VARIED = 1_000;
const MOST_VARIED = 60_000;
/** One in ten of the varied pages is an image. */
const IMAGES = 0.1;

/** Page `number` of a site with any number of pages: 1 to 60 KB, most of them text. Changes a little each time. */
export function variedPages(): (number: number) => MadePage {
  const prose = proseOfTheTown(4 * MOST_VARIED);
  return (number) => {
    const chance = chanceFor(SEED, "varied", number);
    const bytes = chance.between(LEAST_VARIED, MOST_VARIED);
    if (chance.next() < IMAGES) {
      const body = seal(noise(bytes, chance), 0, 0);
      return { contentType: IMAGE, bytes, changes: false, make: () => body };
    }
    return changing(prose.slice(chance.between(0, prose.length - bytes)), bytes);
  };
}

export function noise(bytes: number, chance: Chance): Buffer {
  const body = Buffer.alloc(bytes);
  let state = chance.between(1, 2 ** 31 - 1);
  for (let at = 0; at < bytes; at += 1) {
    // xorshift32: chance itself is too slow for megabytes.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    body[at] = state & 0xff;
  }
  return body;
}

/** `characters` of the demo site's articles without style and scripts, in ASCII: a byte is a character. */
function proseOfTheTown(characters: number): string {
  const newest = newestArticle(0);
  let text = "<!doctype html>\n";
  for (let back = 0; text.length < characters; back += 1) {
    const { path } = article(SEED, newest - back);
    const page = renderTarget(visitOf(undefined, { seed: SEED, number: back, moment: 0 }), path);
    if (page === undefined) throw new Error(`the demo site has no page at ${path}`);
    text += page.body
      .toString("utf8")
      .replace(/<(style|script|svg class="sprite")[\s\S]*?<\/(style|script|svg)>/g, "")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
      .replace(/[^\x00-\x7f]/g, "-");
  }
  return text.slice(0, characters);
}
