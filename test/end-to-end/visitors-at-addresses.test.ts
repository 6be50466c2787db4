/**
 * Visitors without a credential, through a real pair behind a proxy that is listed: what a personal page costs who comes back and who
 * is new, and what its size tells others at the address, in the network, or in several networks. SPEC sections "Scope" and "Units".
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { Random } from "../kit/random.ts";
import { HOST, KEY } from "../kit/real-daemons.ts";
import { begin, finish } from "../kit/visits.ts";

watchLeaks();

const chance = new Random(20_261_129);
const LIST = Array.from(
  { length: 60 },
  (_, i) => `<li><a href="/item/${i}">${chance.bytes(18).toString("base64")}</a></li>`,
);
/** So much that an attacker's page is no splice of another, but coded with what is looked for everywhere. */
const FILLINGS = Array.from({ length: 9 }, () => chance.bytes(600).toString("hex"));

/** Each has a part of its own, which is what the visitor alone is sent. */
const pageOf = (own: string, query = ""): string =>
  `<!doctype html><title>Account</title><form><input type="hidden" name="csrf" value="${own}"></form>` +
  `<ul>${LIST.join("\n")}</ul><p>You searched for: ${query}</p>`;

interface Web extends AsyncDisposable {
  readonly pair: Pair;
  /** A visit from an address, or from the proxy itself; resolves with the bytes of its answer. */
  comes(address: string | undefined, page: string, more?: Readonly<Record<string, string>>): Promise<number>;
}

interface WebOptions {
  /** Fields of each response. */
  readonly fields?: () => Readonly<Record<string, string>>;
  readonly bases?: string;
  readonly commonBases?: boolean;
  readonly trustedProxies?: readonly string[];
  /** Where the web server pauses until the visitor has what came before; it does not, if left out. */
  readonly pauses?: ((page: string) => number) | undefined;
}

const PRIVATE = () => ({ "Cache-Control": "private, no-cache, no-store, max-age=0, must-revalidate" });

const openWeb = async ({
  fields = PRIVATE,
  bases = "session",
  commonBases = true,
  trustedProxies,
  pauses,
}: WebOptions = {}): Promise<Web> => {
  let page = "";
  let go = () => {};
  const pair = await openPair({
    serve(_: IncomingMessage, response: ServerResponse) {
      for (const [name, value] of Object.entries(fields())) response.setHeader(name, value);
      response.setHeader("Content-Type", "text/html");
      if (pauses === undefined) return response.end(page);
      const at = pauses(page);
      response.setHeader("X-Accel-Buffering", "no").write(page.slice(0, at));
      go = () => response.end(page.slice(at));
    },
    edge: {
      keys: [{ ...KEY, hosts: [{ host: HOST, bases, commonBases }] }],
      trustedProxies: trustedProxies ?? ["127.0.0.1/32"],
    },
  });
  let count = 0;
  return {
    pair,
    async comes(address, next, { path = "/account", method = "GET", ...headers } = {}) {
      page = next;
      const forwarded = address === undefined ? {} : { "X-Forwarded-For": address };
      const begun = await begin(pair.port, { path, method, headers: { ...forwarded, ...headers } });
      const at = pauses?.(next) ?? 0;
      let came = 0;
      begun.on("data", (piece: Buffer) => {
        came += piece.length;
        if (came >= at) go();
      });
      const { body } = await finish(begun);
      expect(body.toString(), "the page, byte for byte").toBe(next);
      return (await pair.visited(++count)).answerBytes ?? Number.NaN;
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
};

const networks = (count: number): string[] => Array.from({ length: count }, (_, i) => `81.${i + 10}.69.7`);

describe("a personal page without a credential", () => {
  it("is a base for who comes back, also where it has changed", async () => {
    await using web = await openWeb();
    const first = await web.comes("81.2.69.7", pageOf("a0b1c2d3"));
    expect(first).toBeGreaterThan(500);
    expect(await web.comes("81.2.69.7", pageOf("a0b1c2d3"))).toBeLessThan(24);
    expect(await web.comes("81.2.69.7", pageOf("d3c2b1a0", "shoes"))).toBeLessThan(80);
    expect(await web.comes("2600:1:2:3::4", pageOf("a0b1c2d3"))).toBeGreaterThan(500);
    expect(await web.comes("2600:1:2:3::5", pageOf("d3c2b1a0"))).toBeLessThan(80);
  });

  it("is a base too where the web server makes it slowly", async () => {
    await using web = await openWeb({ pauses: (page) => page.indexOf("<ul>") });
    expect(await web.comes("81.2.69.7", pageOf("a0b1c2d3"))).toBeGreaterThan(500);
    expect(await web.comes("81.2.69.7", pageOf("a0b1c2d3"))).toBeLessThan(64);
    expect(await web.comes("81.2.69.7", pageOf("d3c2b1a0", "shoes"))).toBeLessThan(110);
    expect(await web.pair.visited(3)).toMatchObject({ answer: "delta" });
  });

  it("is everybody's once three networks were sent the same bytes, not two, and not three of one IPv6 /32", async () => {
    await using web = await openWeb();
    const same = pageOf("the same");
    const costs: number[] = [];
    for (const address of [
      "81.2.69.7",
      "81.2.69.8",
      "2600:1:1::1",
      "2600:1:2::1",
      "2600:1:3::1",
      "81.3.69.7",
      "81.4.69.7",
    ])
      costs.push(await web.comes(address, same));
    expect(costs.map((cost) => cost > 500)).toEqual([true, true, true, true, true, true, false]);
    expect(costs.at(-1)).toBeLessThan(24);
  });

  it("is everybody's too where each answer begins a session", async () => {
    const fields = () => ({ "Set-Cookie": `sid=${randomBytes(18).toString("base64url")}; Path=/` });
    await using web = await openWeb({ fields });
    for (const address of networks(3)) await web.comes(address, pageOf("the same"));
    expect(await web.comes("81.99.69.7", pageOf("the same"))).toBeLessThan(24);
  });

  it("of three networks makes a common base, for who is new and for crawlers that keep no cookies", async () => {
    for (const fields of [
      PRIVATE,
      () => ({ ...PRIVATE(), "Set-Cookie": `sid=${randomBytes(18).toString("base64url")}` }),
    ]) {
      await using web = await openWeb({ fields });
      for (const address of networks(3)) await web.comes(address, pageOf(randomBytes(12).toString("hex")));
      await web.pair.edgeLog.heard("common base");
      expect(await web.comes("81.99.69.7", pageOf(randomBytes(12).toString("hex")))).toBeLessThan(80);
      expect(web.pair.originLog.count("push passed over")).toBe(0);
    }
  });

  it("is the address's where it was posted for, whatever the response says: what was sent may be a credential", async () => {
    await using web = await openWeb({ fields: () => ({}) });
    const posted = { method: "POST", Accept: "application/json" };
    const login = (token: string) => pageOf(token);
    expect(await web.comes("81.2.69.7", login("token-7391-4402"), posted)).toBeGreaterThan(500);
    expect(await web.comes("81.3.69.7", login("token-0826-9915"), posted)).toBeGreaterThan(500);
    expect(await web.comes("81.4.69.7", login("token-0000-0000"))).toBeGreaterThan(500);
    expect(await web.comes("81.3.69.7", login("token-5555-0001"), posted)).toBeLessThan(80);
    for (const address of networks(3)) await web.comes(address, pageOf("the same"), posted);
    expect(await web.comes("81.99.69.7", pageOf("the same"), posted)).toBeLessThan(24);
  });

  it("tells by its size no part of what was posted for, whatever others made public", async () => {
    const sizes: number[] = [];
    for (const guess of ["token-7391-44zz", "token-zzzzzzzzz"]) {
      await using web = await openWeb({ fields: () => ({}) });
      await web.comes("81.9.69.7", pageOf(guess));
      sizes.push(await web.comes("81.2.69.7", pageOf("token-7391-4402"), { method: "POST" }));
    }
    expect(sizes[0]).toBe(sizes[1]);
    expect(sizes[0]).toBeLessThan(80);
  });

  it("is nobody's where its URL is a capability", async () => {
    await using web = await openWeb();
    const path = "/reset/x7Kq9vT2mWz4Lp8R";
    for (const address of ["81.2.69.7", "81.2.69.7", ...networks(4)])
      expect(await web.comes(address, pageOf("the same"), { path })).toBeGreaterThan(500);
    expect((await web.pair.visited(6)).reason).toBe("capability");
  });

  it("is nobody's behind a proxy that is not listed, which the log says once", async () => {
    await using web = await openWeb({ trustedProxies: [] });
    for (const address of [undefined, "81.2.69.7", "81.2.69.7"])
      expect(await web.comes(address, pageOf("the same"))).toBeGreaterThan(500);
    const said = web.pair.edgeLog.lines.filter(({ event }) => event === "no base");
    expect(said.map(({ fields }) => fields.reason)).toEqual(["proxy-not-trusted"]);
    expect((await web.pair.visited(3)).reason).toBe("proxy-not-trusted");
  });
});

const SECRETS = ["7391-4402", "0826-9915"] as const;
const VICTIM = "81.2.69.7";

/** Sizes that an attacker at these addresses sees, who has guesses reflected in pages of his own. */
const attack = async (
  secret: string,
  addresses: readonly string[],
  options: Pick<WebOptions, "bases" | "pauses"> = {},
): Promise<number[]> => {
  // Common bases come at their own time; what they tell has a test of its own.
  await using web = await openWeb({ ...options, commonBases: false });
  const [right] = SECRETS;
  const sizes: number[] = [];
  for (const known of [1, 4, 8])
    for (const address of addresses) {
      await web.comes(VICTIM, pageOf(secret));
      const guess = `<input type="hidden" name="csrf" value="${right.slice(0, known)}`;
      sizes.push(await web.comes(address, pageOf("zzzz-zzzz", `${guess}"></form>${FILLINGS[sizes.length]}`)));
    }
  return sizes;
};

describe("a secret in a visitor's page tells nothing by the sizes that are seen by", () => {
  it.each([
    ["who is behind the same address", [VICTIM]],
    ["a neighbour in the same /24", ["81.2.69.8"]],
    ["who has three networks", networks(3)],
    ["who has three networks of one IPv6 /32", ["2600:1:1::1", "2600:1:2::1", "2600:1:3::1"]],
  ])("%s", async (_, addresses) => {
    const [one, other] = [await attack(SECRETS[0], addresses), await attack(SECRETS[1], addresses)];
    expect(one).toEqual(other);
  });

  it.each([
    ["between two values", (page: string) => page.indexOf("<ul>")],
    ["within the page's own", (page: string) => page.indexOf('"></form>') - 4],
    ["within the guess", (page: string) => page.lastIndexOf('csrf" value="') + 14],
    ["before the guess is what the visitor has", (page: string) => page.lastIndexOf('"></form>') - 8],
  ])("who is behind the same address, where the web server pauses %s", async (_, pauses) => {
    const [one, other] = [
      await attack(SECRETS[0], [VICTIM], { pauses }),
      await attack(SECRETS[1], [VICTIM], { pauses }),
    ];
    expect(one).toEqual(other);
  });

  it("anybody, where nothing is done about it (`site`): there they tell", async () => {
    expect(await attack(SECRETS[0], [VICTIM], { bases: "site" })).not.toEqual(
      await attack(SECRETS[1], [VICTIM], { bases: "site" }),
    );
  });
});

it("the next user of a kiosk, and who planted a session, have nothing of who was logged in at their address", async () => {
  await using web = await openWeb();
  const login = { "Sec-Fetch-Site": "none", Cookie: "sid=0f8e7d6c5b4a39281706f5e4d3c2b1a0" };
  await web.comes(VICTIM, pageOf("ann's"), login);
  expect(await web.comes(VICTIM, pageOf("ann's"), login)).toBeLessThan(24);
  expect(await web.comes(VICTIM, pageOf("ann's"))).toBeGreaterThan(500);
  const planted = { ...login, Cookie: "sid=00112233445566778899aabbccddeeff" };
  expect(await web.comes(VICTIM, pageOf("ann's"), planted)).toBeGreaterThan(500);
});

describe("a cookie that the site gives to everybody", () => {
  it.each(["lang=en", "consent=%7B%22necessary%22%3Atrue%7D"])(
    "makes no session of the fourth stranger, nor of who brings it: %s",
    async (pair) => {
      await using web = await openWeb({ fields: () => ({ "Set-Cookie": `${pair}; Path=/` }) });
      const page = pageOf("everybody's");
      for (let stranger = 0; stranger < 3; stranger++)
        expect(await web.comes("11.1.7.5", page, { path: "/" })).toBeGreaterThan(500);
      await web.comes("11.1.7.5", page, { path: "/" });
      expect(await web.comes("11.1.7.5", page, { path: "/" })).toBeLessThan(30);
      expect(await web.comes("11.2.7.5", page, { path: "/", cookie: pair })).toBeLessThan(30);
    },
  );
});
