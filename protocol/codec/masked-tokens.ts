/**
 * Tokens that web frameworks mask: a random mask beside a secret of the session under that mask, so that no two pages show the
 * same text. A secret told by one page makes of the mask alone the token of the next. What looks like a token and is none does no
 * harm: it is rebuilt to the same text or is not taken for one. SPEC section "Masked tokens".
 */

export interface MaskedToken {
  /** Where its text stands. */
  readonly start: number;
  readonly end: number;
  readonly mask: Buffer;
  readonly secret: Buffer;
  readonly form: TokenForm;
  /** Its base64 has + or /. */
  readonly standard: boolean;
}

interface TokenForm {
  /** What a run has to be: what comes before, mask, separator, masked secret, what comes after. */
  readonly pattern: RegExp;
  split(mask: string, masked: string): Pick<MaskedToken, "mask" | "secret">;
  text(token: Pick<MaskedToken, "mask" | "secret" | "standard">): string;
}

interface Coding {
  bytes(text: string): Buffer;
  text(bytes: Buffer, standard: boolean): string;
}

const BASE64: Coding = {
  bytes: (text) => Buffer.from(text, "base64"),
  text: (bytes, standard) =>
    standard ? bytes.toString("base64").replace(/=+$/, "") : bytes.toString("base64url"),
};

const HEX: Coding = {
  bytes: (text) => Buffer.from(text, "hex"),
  text: (bytes) => bytes.toString("hex"),
};

/** A mask that is shorter comes again and again. */
const xor = (bytes: Buffer, mask: Buffer): Buffer => {
  const out = Buffer.allocUnsafe(bytes.length);
  for (let at = 0; at < bytes.length; at++)
    out[at] = (bytes[at] as number) ^ (mask[at % mask.length] as number);
  return out;
};

/** Both halves in one text. */
const joined = (pattern: RegExp, { bytes, text }: Coding): TokenForm => ({
  pattern,
  split: (mask, masked) => {
    const both = bytes(mask + masked);
    const half = both.length >> 1;
    return { mask: both.subarray(0, half), secret: xor(both.subarray(half), both.subarray(0, half)) };
  },
  text: ({ mask, secret, standard }) => text(Buffer.concat([mask, xor(secret, mask)]), standard),
});

const separated = (pattern: RegExp, separator: string, { bytes, text }: Coding): TokenForm => ({
  pattern,
  split: (maskText, masked) => {
    const mask = bytes(maskText);
    return { mask, secret: xor(bytes(masked), mask) };
  },
  text: ({ mask, secret }) => `${text(mask, false)}${separator}${text(xor(secret, mask), false)}`,
});

const ALPHANUMERICS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const NUMBERS = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, ALPHANUMERICS.indexOf(String.fromCharCode(code))),
);

const numbersOf = (text: string): Buffer =>
  Buffer.from(Array.from(text, (character) => NUMBERS[character.charCodeAt(0)] as number));

/** Django's: each character moved on by its mask's number. */
const moved: TokenForm = {
  pattern: /^()([A-Za-z0-9]{32})()([A-Za-z0-9]{32})$/,
  split: (maskText, masked) => {
    const mask = numbersOf(maskText);
    const secret = numbersOf(masked).map((number, at) => (number + 62 - (mask[at] as number)) % 62);
    return { mask, secret: Buffer.from(secret) };
  },
  text: ({ mask, secret }) => {
    const masked = secret.map((number, at) => (number + (mask[at] as number)) % 62);
    let text = "";
    for (const number of mask) text += ALPHANUMERICS[number] ?? "";
    for (const number of masked) text += ALPHANUMERICS[number] ?? "";
    return text;
  },
};

/** The first that a run fits is its form. */
const FORMS: readonly TokenForm[] = [
  joined(/^()([0-9a-f]{32})()([0-9a-f]{32})$/, HEX),
  moved,
  joined(/^()([\w+/-]{43})()([\w+/-]{43})$/, BASE64),
  joined(/^()([\w+/-]{48})()([\w+/-]{48})$/, BASE64),
  separated(/^(2\|)([0-9a-f]{8})(\|)([0-9a-f]{32})\|\d+$/, "|", HEX),
  separated(/^([0-9a-f]{1,32}\.)([\w-]{43})(\.)([\w-]{22,86})$/, ".", BASE64),
];

/** No token is in a shorter run, or in a longer one. @internal */
export const LEAST_RUN = 48;
/** @internal */
export const MOST_RUN = 192;
const STRIDE = LEAST_RUN / 3;

/** 1 for each byte that a run is of. */
const IN_RUN = new Uint8Array(256);
for (const character of `${ALPHANUMERICS}+/_-|.`) IN_RUN[character.charCodeAt(0)] = 1;

/** Where the runs of each page are that are tokens, from and to, for as long as somebody holds the page: it is the base of the next. */
const PLACES = new WeakMap<Buffer, readonly number[]>();

/** The tokens of a page, in order. */
export const tokensOf = (page: Buffer): readonly MaskedToken[] => {
  const known = PLACES.get(page);
  const runs = known ?? runsIn(page);
  const places: number[] = [];
  const tokens: MaskedToken[] = [];
  for (let at = 0; at < runs.length; at += 2) {
    const [from = 0, to] = [runs[at], runs[at + 1]];
    const token = tokenIn(page.toString("latin1", from, to), from);
    if (token === undefined) continue;
    tokens.push(token);
    places.push(from, to as number);
  }
  if (known === undefined) PLACES.set(page, places);
  return tokens;
};

/**
 * Where runs begin and end. One has 48 bytes at least, so three places in a row out of 16 apart are in it; nearly all text is passed over by
 * the last of them: 25 microseconds for 60 KB.
 */
const runsIn = (page: Buffer): readonly number[] => {
  const runs: number[] = [];
  const most = page.length - 2 * STRIDE;
  for (let at = 0; at < most; ) {
    if (IN_RUN[page[at + 2 * STRIDE] as number] === 0) at += 3 * STRIDE;
    else if (IN_RUN[page[at + STRIDE] as number] === 0) at += 2 * STRIDE;
    else if (IN_RUN[page[at] as number] === 0) at += STRIDE;
    else {
      let start = at;
      while (start > 0 && IN_RUN[page[start - 1] as number] === 1) start--;
      let end = at + 1;
      while (end < page.length && IN_RUN[page[end] as number] === 1) end++;
      if (end - start >= LEAST_RUN && end - start <= MOST_RUN) runs.push(start, end);
      at = Math.ceil(end / STRIDE) * STRIDE;
    }
  }
  return runs;
};

const tokenIn = (run: string, at: number): MaskedToken | undefined => {
  for (const form of FORMS) {
    const found = form.pattern.exec(run);
    if (found === null) continue;
    const [, before = "", mask = "", separator = "", masked = ""] = found;
    const text = mask + separator + masked;
    const start = at + before.length;
    const standard = /[+/]/.test(text);
    const token = { start, end: start + text.length, form, standard, ...form.split(mask, masked) };
    return form.text(token) === text ? token : undefined;
  }
  return undefined;
};
