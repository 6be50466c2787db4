/**
 * Guessing a token through a real pair. A victim's page holds a secret; an attacker asks for a page of the same URL that
 * repeats his guess, and reads off the sizes of answers, and off the bytes that cross the link, which guess the pair
 * already knew. Under the default policy no size depends on the secret; under `site` the secret is read digit by digit,
 * which verifies that this test would see a leak. And between partitions nothing is shared at all.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type OutgoingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CountingRelay, startCountingRelay } from "../../bench/rig/counting-relay.ts";
import { startEdge } from "../../edge-side/run/daemon.ts";
import { startOrigin } from "../../origin-side/run/daemon.ts";
import { CODEC_NAMES, type CodecName } from "../../protocol/codec/codecs.ts";
import { makeLinkKey, secretText } from "../../protocol/transport/key.ts";
import { edgeConfigOf, originConfigOf } from "../kit/daemons.ts";
import { type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import { GrowingFile } from "../kit/growing-file.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { HOST, KEY, type Settings } from "../kit/real-daemons.ts";
import { silentLog } from "../kit/silent-log.ts";
import { until } from "../kit/until.ts";
import { type Asking, visit } from "../kit/visits.ts";

watchLeaks();

interface AccessLine {
  readonly host: string;
  readonly answer: string;
  readonly answerBytes: number;
  /** Bytes from the origin side that crossed the link's socket until the visitor had the page. */
  readonly linkBytes: number;
}

interface Pair extends AsyncDisposable {
  /** Visits, expects 200, and resolves with what the edge's access log says of it. */
  visit(asking: Asking): Promise<AccessLine>;
}

/** Both daemons inside the test, real sockets and TLS between them, and a relay that counts. */
const openPair = async (web: FakeOrigin, ofEdge: Settings, ofOrigin: Settings = {}): Promise<Pair> => {
  const undo = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "coilgun-attack-"));
  undo.defer(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "access.log");
  const access = new GrowingFile(file);
  let links = 0;
  const log = { ...silentLog, info: (event: string) => void (event === "link up" && links++) };
  const edge = await startEdge(edgeConfigOf({ accessLog: file, ...ofEdge }), { log, load: () => 0 });
  undo.defer(() => edge.stop());
  const relay: CountingRelay = await startCountingRelay(`127.0.0.1:${edge.tunnelAddress.port}`);
  undo.defer(() => relay.close());
  const tunnel = Number(relay.address.split(":")[1]);
  const config = originConfigOf({ tunnel, web: web.port }, ofOrigin);
  const edges = config.edges.map((each) => ({ ...each, address: { host: "127.0.0.1", port: tunnel } }));
  const origin = await startOrigin({ ...config, edges }, { log: silentLog, load: IDLE });
  undo.defer(() => origin.stop());
  await until(() => links === edges.length, "every link");
  const agent = new Agent({ keepAlive: true });
  undo.defer(() => agent.destroy());
  let visits = 0;
  return {
    async visit(asking) {
      const before = relay.read().toEdge;
      const { status } = await visit(edge.visitorsAddress.port, { agent, ...asking });
      const linkBytes = relay.read().toEdge - before;
      expect(status).toBe(200);
      const count = ++visits;
      await until(() => access.lines.length >= count, `access line ${count}`);
      return { ...(JSON.parse(access.lines[count - 1] ?? "") as AccessLine), linkBytes };
    },
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};

const LIST = Array.from(
  { length: 80 },
  (_, i) => `<li><a href="/item/${(i * 7919) % 1000}">Item ${i}</a></li>`,
);

/** An account page: who is logged in, a token if so, and what was searched for. No two visits differ in else. */
const openShop = (secret: string): Promise<FakeOrigin> =>
  openOrigin((request, response) => {
    const victim = request.headers.cookie?.includes(VICTIM) ?? false;
    const query = new URL(request.url ?? "", "http://shop").searchParams.get("q") ?? "";
    const token = victim ? `t${secret}` : "tzzzz";
    response.sendDate = false;
    response.setHeader("Content-Type", "text/html");
    response.end(
      `<!doctype html><title>Account</title><h1>Hello ${victim ? "victim" : "stranger"}</h1>` +
        `<form action="/pay"><input type="hidden" name="csrf" value="${token}"></form>` +
        `<ul>${LIST.join("\n")}</ul><p>You searched for: ${query}</p>`,
    );
  });

const VICTIM = "0f8e7d6c5b4a39281706f5e4d3c2b1a0";
const ATTACKERS = {
  "another session": { "Sec-Fetch-Site": "none", Cookie: "sid=99999999999999999999999999999999" },
  "one without cookies": {},
} as const;

/** What surrounds a guess; several, so that one lucky match of the surroundings does not count. */
const SURROUNDINGS = ["!~^", "{|}", "@`;"];
/** More than heads differ in, and less than a message of its own (such as a pong) takes with its TLS record. */
const ANOTHER_MESSAGE_BYTES = 20;
/** From stream 128 on its number takes two bytes: sizes before and after would not compare. */
const WARM_UP_VISITS = 130;
/** A busy origin side builds on fewer bases, and what varies with its load would hide what a size tells. */
const IDLE = () => 0;

const GUESSES = [..."0123456789"];

interface Seen {
  /** Per digit and guess, summed over the surroundings. */
  readonly answerBytes: readonly (readonly number[])[];
  readonly linkBytes: readonly (readonly number[])[];
}

/** Guesses each digit of the secret in turn, by an attacker who knows all that come before it. */
const attack = async (
  bases: "site" | undefined,
  secret: string,
  headers: OutgoingHttpHeaders,
  codecs: readonly CodecName[],
): Promise<Seen> => {
  await using shop = await openShop(secret);
  const served = bases === undefined ? HOST : { host: HOST, bases };
  await using pair = await openPair(shop, { keys: [{ ...KEY, hosts: [served] }] }, { codecs });
  const ask = (query: string, attempt = 0) =>
    pair.visit({ path: `/account?q=${encodeURIComponent(query)}&attempt=${attempt}`, headers });

  /** The attacker keeps own guesses out of the bases, waits until the victim was there, and asks. */
  const guess = async (text: string, attempt = 0): Promise<AccessLine> => {
    // As many as are offered at most, where the page of a first attempt is a base still.
    const neutral: AccessLine[] = [];
    for (const query of attempt === 0 ? "abcd" : "abcdefgh") neutral.push(await ask(query));
    await pair.visit({
      path: "/account?q=&attempt=0",
      headers: { "Sec-Fetch-Site": "none", Cookie: `sid=${VICTIM}` },
    });
    const seen = await ask(text, attempt);
    expect(seen.answer).toBe("delta");
    const usual = Math.min(...neutral.map(beside));
    return beside(seen) < usual + ANOTHER_MESSAGE_BYTES ? seen : guess(text, attempt + 1);
  };

  for (let visits = 0; visits < WARM_UP_VISITS; visits++) await ask("a");

  const seen = { answerBytes: [] as number[][], linkBytes: [] as number[][] };
  for (const known of Array.from(secret, (_, digit) => secret.slice(0, digit))) {
    const lines: AccessLine[][] = [];
    for (const digit of GUESSES) {
      const ofGuess: AccessLine[] = [];
      for (const after of SURROUNDINGS) ofGuess.push(await guess(`value="t${known}${digit}${after}`));
      lines.push(ofGuess);
    }
    for (const side of ["answerBytes", "linkBytes"] as const)
      seen[side].push(lines.map((ofGuess) => ofGuess.reduce((sum, line) => sum + line[side], 0)));
  }
  return seen;
};

/** What crossed the link beside the answer's body. */
const beside = ({ linkBytes, answerBytes }: AccessLine): number => linkBytes - answerBytes;

/** The digits whose guess alone has the smallest size; `?` where none stands out. */
const standingOut = (sizes: Seen["linkBytes"]): string =>
  sizes
    .map((ofGuess) => {
      const least = Math.min(...ofGuess);
      return ofGuess.indexOf(least) === ofGuess.lastIndexOf(least) ? ofGuess.indexOf(least) : "?";
    })
    .join("");

const SECRETS = ["73", "08"] as const;

describe.each(Object.entries(ATTACKERS))(
  "a token of a logged-in visitor's page, guessed by %s",
  (_, headers) => {
    it.each([
      ["zstd", ["zstd"]],
      ["every codec", CODEC_NAMES],
    ] as const)("shows in no size under the default policy, with %s", async (_, codecs) => {
      const seen = [
        await attack(undefined, SECRETS[0], headers, codecs),
        await attack(undefined, SECRETS[1], headers, codecs),
      ];
      expect(seen[0]?.answerBytes).toEqual(seen[1]?.answerBytes);
      for (const [i, secret] of SECRETS.entries()) {
        const { answerBytes = [], linkBytes = [] } = seen[i] ?? {};
        for (const sizes of [answerBytes, linkBytes])
          for (const [at, digit] of [...standingOut(sizes)].entries())
            expect(digit, JSON.stringify(sizes)).not.toBe(secret[at]);
      }
    });

    // A splice does not look for a part of a token; zstd does.
    it("is read, digit by digit, under `site` with zstd", async () => {
      const [secret] = SECRETS;
      const seen = await attack("site", secret, headers, ["zstd"]);
      expect([standingOut(seen.answerBytes), standingOut(seen.linkBytes)]).toEqual([secret, secret]);
    });
  },
);

describe("two tenants with identical pages", () => {
  const other = { id: "other", secret: secretText(makeLinkKey("any").secret) };
  const HOSTS = ["one.example", "two.example"] as const;
  const routes = (port: number) => HOSTS.map((host) => ({ host, origin: `http://127.0.0.1:${port}` }));
  const address = "127.0.0.1:1"; // the pair puts its relay there

  it.each([
    [
      "of two keys",
      [
        { ...KEY, hosts: [HOSTS[0]] },
        { ...other, hosts: [HOSTS[1]] },
      ],
    ],
    ["of one key", [{ ...KEY, hosts: HOSTS }]],
    ["of one key under `site`", [{ ...KEY, hosts: HOSTS.map((host) => ({ host, bases: "site" })) }]],
  ])("%s: no version crosses, the first visit at the second host is whole", async (_, keys) => {
    await using shop = await openShop("7391");
    await using pair = await openPair(
      shop,
      { keys },
      {
        routes: routes(shop.port),
        edges: keys.map(({ id, secret }) => ({ address, key: { id, secret }, connections: 1 })),
      },
    );
    const answers: string[] = [];
    for (const host of [HOSTS[0], HOSTS[0], HOSTS[1], HOSTS[1], HOSTS[0]]) {
      const line = await pair.visit({ host, path: "/account?q=" });
      answers.push(`${line.host} ${line.answer}`);
    }
    expect(answers).toEqual([
      "one.example whole",
      "one.example same",
      "two.example whole",
      "two.example same",
      "one.example same",
    ]);
  });
});
