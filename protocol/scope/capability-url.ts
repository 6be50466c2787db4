/**
 * Addresses that are themselves a credential: whoever has the link of a password reset, or a magic link, gets the page. Told by
 * 16 characters in a path segment or a query value that look drawn by chance. Words are told from chance by which letters
 * follow each other in European languages. What is unclear is a capability: that costs a base, and the opposite could
 * cost a secret. SPEC section "Scope".
 */

/** What is shorter can be guessed: 16 hexadecimal digits are 64 bits. */
const LEAST_CAPABILITY_CHARS = 16;
/** Of neighbouring characters, the share that do not stand side by side in words: chance has half of them and more, slugs a tenth. */
const UNLIKELY_SHARE = 0.25;
/** The same within 16 characters of a longer text. */
const UNLIKELY_IN_A_ROW = 7;
const LATEST = (1 << (LEAST_CAPABILITY_CHARS - 1)) - 1;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
/** The last segment of a file that pages load: such names hold hashes of what is in them, and everybody is told. */
const STATIC_FILE = /[^/]*\.(?:m?js|css|map|wasm|woff2?|[ot]tf|eot)$/i;
/** The name of a whole site's build (Next.js), told to everybody as well. */
const BUILD = /^\/_next\/(?:static|data)\/[^/]*/;
/** What advertisers add to links: it names a click, and no page shows it. */
const CLICK_ID = /(?:^|&)(?:gclid|dclid|gbraid|wbraid|fbclid|msclkid|ttclid|twclid|li_fat_id|yclid)=[^&]*/gi;

/** Whether a target (path and query, as in a request) holds 16 random characters or more. */
export const holdsCapability = (target: string): boolean => {
  if (target.length <= LEAST_CAPABILITY_CHARS) return false;
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  return (
    looksRandom(path.replace(BUILD, "").replace(STATIC_FILE, "")) ||
    (query >= 0 && looksRandom(target.slice(query + 1).replace(CLICK_ID, "")))
  );
};

/**
 * Looks at each segment and value: at all of it, and at each 16 characters of it, since a token may stand behind the words of a
 * slug. What parts words is no sign either way, since base64url has dashes.
 */
function looksRandom(text: string): boolean {
  if (UUID.test(text)) return true;
  let unit = 0;
  let unlikely = 0;
  /** A bit for each of the last 15 neighbours. */
  let latest = 0;
  let hexDigits = 0;
  let smallLetters = 0;
  let before = NEITHER;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const kind = kindOf(code);
    const small = code >= 97;
    const odd = isUnlikely(before, kind, small, smallLetters);
    latest = ((latest << 1) | Number(odd)) & LATEST;
    hexDigits = kind === DIGIT || (kind >= 0 && kind < 6) ? hexDigits + 1 : 0;
    if (hexDigits === LEAST_CAPABILITY_CHARS || (odd && ones(latest) === UNLIKELY_IN_A_ROW)) return true;
    smallLetters = kind >= 0 && small ? smallLetters + 1 : 0;
    before = kind;
    unlikely += Number(odd);
    unit++;
    // An escaped character parts words, whatever it is.
    if (code === PERCENT) at += 2;
    if (!PARTS_UNITS.has(code)) continue;
    if (isRandom(unit - 1, unlikely)) return true;
    unit = unlikely = latest = 0;
  }
  return isRandom(unit, unlikely);
}

const isRandom = (chars: number, unlikely: number): boolean =>
  chars >= LEAST_CAPABILITY_CHARS && unlikely >= (chars - 1) * UNLIKELY_SHARE;

const ones = (bits: number): number => {
  let count = 0;
  for (let rest = bits; rest > 0; rest &= rest - 1) count++;
  return count;
};

const DIGIT = -1;
const NEITHER = -2;
const PERCENT = 37;
const PARTS_UNITS: ReadonlySet<number> = new Set([..."/?&;=#"].map((each) => each.charCodeAt(0)));

/** A letter's place in the alphabet, DIGIT or NEITHER. */
const kindOf = (code: number): number => {
  if (code >= 48 && code <= 57) return DIGIT;
  const letter = (code | 32) - 97;
  return code >= 65 && letter < 26 && letter >= 0 ? letter : NEITHER;
};

/** Letters that follow each letter in words, from a to z, as bits: 95 % of neighbours in the words of real pages in six languages. */
const FOLLOWERS =
  "bcdfghiklmnprstuvy aeilorsu acehiklortu aeiorsu abcdefghiklmnprstuvwxz aefiortu aehinorsu aeilnortu abcdefgklmnoprstvz ou aeiorst adeilostuy abeimopsu acdefgiknostuvz abcdfgiklmnoprstuvw aehiloprtu u abcdefghiklmnorstuvy acehiklmopstu aehilorstuwyz abcdefgilmnprst aeio aeio p s eiu"
    .split(" ")
    .map((letters) => [...letters].reduce((bits, letter) => bits | (1 << (letter.charCodeAt(0) - 97)), 0));

/** `smallLetters`: how many came last, one after another. */
const isUnlikely = (before: number, kind: number, small: boolean, smallLetters: number): boolean => {
  if (before === NEITHER || kind === NEITHER) return false;
  if (before === DIGIT || kind === DIGIT) return before !== kind;
  // A capital begins a word of two letters or more.
  if (!small && smallLetters > 0) return smallLetters < 2;
  return ((FOLLOWERS[before] ?? 0) & (1 << kind)) === 0;
};
