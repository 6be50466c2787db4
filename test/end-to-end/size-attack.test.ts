/**
 * What sizes tell, through a real pair: who makes a visitor's browser ask for pages that repeat a guess beside a secret, and sees how
 * many bytes cross the link and reach the visitor, reads the secret digit by digit where nothing is done about it (`bases: site`,
 * an operator's word that nothing is secret), and guesses as anybody may where it is. SPEC section "What sizes tell".
 */
import { Agent } from "node:http";
import { expect, it } from "vitest";
import {
  type Ask,
  accountOf,
  byAddress,
  digitsRead,
  FEW_SECRETS,
  MOST_BY_CHANCE,
  MOST_RIGHT,
  SECRETS,
  serveAccounts,
} from "../../bench/attack/size-attacks.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair } from "../kit/pair.ts";
import { HOST, KEY } from "../kit/real-daemons.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const COOKIE = "sid=0f8e7d6c5b4a39281706f5e4d3c2b1a0";

const openEdge = async (bases: string): Promise<AsyncDisposable & { readonly ask: Ask }> => {
  const undo = new AsyncDisposableStack();
  const hosts = [{ host: HOST, bases }];
  const pair = undo.use(await openPair({ serve: serveAccounts, edge: { keys: [{ ...KEY, hosts }] } }));
  const agent = new Agent({ keepAlive: true });
  undo.defer(() => agent.destroy());
  return {
    async ask(path, headers) {
      const { body } = await visit(pair.port, { agent, path, headers });
      const { answerBytes = 0 } = await pair.visitOf(path, 1);
      return { link: answerBytes, visitor: body.length };
    },
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};

const MOST_FRAMING_BYTES = 8;
const FOREIGN = { "Sec-Fetch-Site": "cross-site", "Accept-Encoding": "gzip, zstd" };
const NAVIGATION = { ...FOREIGN, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
const GZIP = { ...NAVIGATION, "Accept-Encoding": "gzip" };

it("a secret is read off sizes where nothing is done about it", async () => {
  await using edge = await openEdge("site");
  const read = await digitsRead(edge.ask, byAddress(GZIP), FEW_SECRETS);
  expect(read.visitor).toBeGreaterThan(2 * MOST_BY_CHANCE);
});

it.each(["session", "off"])("a cross-site navigation tells of no digit, with `bases: %s`", async (bases) => {
  await using edge = await openEdge(bases);
  // All secrets at once: nothing that one answer leaves behind is built on by another.
  const read = await Promise.all(SECRETS.map((secret) => digitsRead(edge.ask, byAddress(GZIP), [secret])));
  for (const place of ["link", "visitor"] as const)
    expect(read.reduce((sum, digits) => sum + digits[place], 0)).toBeLessThanOrEqual(MOST_RIGHT);
});

it.each([
  ["cross-site", FOREIGN],
  ["same-site", { ...FOREIGN, "Sec-Fetch-Site": "same-site" }],
  ["in a frame", { ...NAVIGATION, "Sec-Fetch-Dest": "iframe" }],
  ["of nobody knows whom", { "Accept-Encoding": "gzip, br, zstd" }],
] as const)(
  "any other request, %s, crosses as it is, and so do those that repeat the secret",
  async (_, fields) => {
    await using edge = await openEdge("session");
    for (const secret of ["1234567890", "9999999999"]) {
      const path = `/my${secret}?q=value="t1234567890`;
      const bytes = accountOf(path).page.length;
      const { link, visitor } = await edge.ask(path, { Cookie: COOKIE, ...fields });
      expect([link - bytes < MOST_FRAMING_BYTES, link >= bytes, visitor]).toEqual([true, true, bytes]);
    }
  },
);

it("what a visitor asks for by itself, and a page without credentials, are coded as ever", async () => {
  for (const [path, fields] of [
    ["/my1", { Cookie: COOKIE, "Sec-Fetch-Site": "same-origin" }],
    ["/my1", { Cookie: COOKIE, "Sec-Fetch-Site": "none" }],
    ["/my", { Cookie: "_ga=1" }],
  ] as const) {
    await using edge = await openEdge("session");
    const asked = { "Accept-Encoding": "gzip", ...fields };
    const plain = accountOf(`${path}?q=a`).page.length;
    await edge.ask(`${path}?q=b`, asked);
    const { link, visitor } = await edge.ask(`${path}?q=a`, asked);
    expect([link < 100, visitor < plain / 3], JSON.stringify(fields)).toEqual([true, true]);
  }
});
