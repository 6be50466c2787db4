/**
 * What sizes tell, through a real pair: who makes a visitor's browser ask for pages that repeat a guess beside a secret, and sees how
 * many bytes cross the link and reach the visitor, reads the secret digit by digit where nothing is done about it (`bases: site`,
 * an operator's word that nothing is secret), and guesses as anybody may where it is. SPEC section "What sizes tell".
 */
import { Agent, type IncomingMessage, type ServerResponse } from "node:http";
import { expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair } from "../kit/pair.ts";
import { Random } from "../kit/random.ts";
import { HOST, KEY } from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

/** Of a fixed seed: 200 digits, in secrets of 10. */
const chance = new Random(20_261_129);
const SECRETS = Array.from({ length: 20 }, () => Array.from({ length: 10 }, () => chance.int(0, 9)).join(""));
/** A tenth is what guessing gives. */
const MOST_RIGHT = 35;

const LIST = Array.from(
  { length: 60 },
  (_, i) => `<li><a href="/item/${(i * 7919) % 1000}">Item ${i}</a></li>`,
);
const SURROUNDINGS = ["!~^", "{|}", "@`;"];
const COOKIE = "sid=0f8e7d6c5b4a39281706f5e4d3c2b1a0";

const accountPage = (secret: string, query: string): string =>
  `<!doctype html><title>Account</title><form><input type="hidden" name="csrf" value="t${secret}"></form>` +
  `<ul>${LIST.join("\n")}</ul><p>You searched for: ${query}</p>`;

/** The page of a visitor with this secret, and what was searched for. */
const serve = (request: IncomingMessage, response: ServerResponse): void => {
  const asked = new URL(request.url ?? "", "http://shop");
  response.setHeader("Content-Type", "text/html");
  response.end(accountPage(asked.pathname.slice(1), asked.searchParams.get("q") ?? ""));
};

/** Sizes that the attacker sees, of what crossed the link and of what reached the visitor. */
interface Sizes {
  readonly link: number;
  readonly visitor: number;
}

interface Victim extends AsyncDisposable {
  /** Is made to ask. */
  asks(secret: string, query: string): Promise<Sizes>;
}

const openVictim = async (bases: string, fields: Readonly<Record<string, string>>): Promise<Victim> => {
  const undo = new AsyncDisposableStack();
  const pair = undo.use(
    await openPair({ serve, edge: { keys: [{ ...KEY, hosts: [{ host: HOST, bases }] }] } }),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  undo.defer(() => agent.destroy());
  let count = 0;
  return {
    async asks(secret, query) {
      const path = `/${secret}?q=${encodeURIComponent(query)}`;
      const { body } = await visit(pair.port, { agent, path, headers: { Cookie: COOKIE, ...fields } });
      const { answerBytes = 0 } = await pair.visited(++count);
      return { link: answerBytes, visitor: body.length };
    },
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};

/** The guess of the smallest size; of several one by chance. */
const smallest = (sizes: readonly number[]): number => {
  const least = Math.min(...sizes);
  return chance.pick(sizes.flatMap((size, guess) => (size === least ? [guess] : [])));
};

/** How many digits are read in each place by an attacker who knows all that come before. */
const digitsRead = async (victim: Victim, secrets: readonly string[]): Promise<Sizes> => {
  const right = { link: 0, visitor: 0 };
  for (const secret of secrets)
    for (const [at, digit] of [...secret].entries()) {
      const seen: Record<keyof Sizes, number[]> = { link: [], visitor: [] };
      for (let guess = 0; guess < 10; guess++) {
        const sum = { link: 0, visitor: 0 };
        for (const after of SURROUNDINGS) {
          const { link, visitor } = await victim.asks(
            secret,
            `value="t${secret.slice(0, at)}${guess}${after}`,
          );
          sum.link += link;
          sum.visitor += visitor;
        }
        seen.link.push(sum.link);
        seen.visitor.push(sum.visitor);
      }
      for (const place of ["link", "visitor"] as const)
        if (smallest(seen[place]) === Number(digit)) right[place]++;
    }
  return right;
};

const MOST_FRAMING_BYTES = 8;
const FOREIGN = { "Sec-Fetch-Site": "cross-site", "Accept-Encoding": "gzip, zstd" };
const NAVIGATION = { ...FOREIGN, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
const GZIP = { ...NAVIGATION, "Accept-Encoding": "gzip" };

it("a secret is read off sizes where nothing is done about it", async () => {
  await using victim = await openVictim("site", GZIP);
  const read = await digitsRead(victim, SECRETS.slice(0, 2));
  expect(read.visitor).toBeGreaterThanOrEqual(8);
}, 60_000);

it.each(["session", "off"])(
  "a cross-site navigation tells of no digit, with `bases: %s`",
  async (bases) => {
    await using victim = await openVictim(bases, GZIP);
    const read = await digitsRead(victim, SECRETS);
    expect(read.link).toBeLessThanOrEqual(MOST_RIGHT);
    expect(read.visitor).toBeLessThanOrEqual(MOST_RIGHT);
  },
  120_000,
);

it.each([
  ["cross-site", FOREIGN],
  ["same-site", { ...FOREIGN, "Sec-Fetch-Site": "same-site" }],
  ["in a frame", { ...NAVIGATION, "Sec-Fetch-Dest": "iframe" }],
  ["of nobody knows whom", { "Accept-Encoding": "gzip, br, zstd" }],
] as const)(
  "any other request, %s, crosses as it is, and so do those that repeat the secret",
  async (_, fields) => {
    await using victim = await openVictim("session", fields);
    const query = 'value="t1234567890';
    for (const secret of ["1234567890", "9999999999"]) {
      const bytes = accountPage(secret, query).length;
      const { link, visitor } = await victim.asks(secret, query);
      expect([link - bytes < MOST_FRAMING_BYTES, link >= bytes, visitor]).toEqual([true, true, bytes]);
    }
  },
);

it("what a visitor asks for by itself, and a page without credentials, are coded as ever", async () => {
  for (const fields of [
    { "Sec-Fetch-Site": "same-origin" },
    { "Sec-Fetch-Site": "none" },
    { Cookie: "_ga=1" },
  ]) {
    await using victim = await openVictim("session", { "Accept-Encoding": "gzip", ...fields });
    const plain = accountPage("1", "a").length;
    await victim.asks("1", "b");
    const { link, visitor } = await victim.asks("1", "a");
    expect([link < 100, visitor < plain / 3], JSON.stringify(fields)).toEqual([true, true]);
  }
});
