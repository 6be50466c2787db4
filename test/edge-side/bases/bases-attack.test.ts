/**
 * The attack that scopes exist against, played on the real store, scope rules and choice of bases: an attacker who can
 * have a guess reflected into a page, and sees how large its delta is on the wire, reads a secret of another visitor's
 * page digit by digit, if that page is among the bases. Under `site` it works, which shows that this test would notice.
 */
import { constants, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { chooseBases } from "../../../edge-side/bases/choose-bases.ts";
import { type BasesPolicy, ScopeRules } from "../../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../../protocol/store/page-key.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { type StoreId, VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const SECRETS = ["7391", "0826"] as const;
/** What surrounds a guess; several, so that one lucky match of the surroundings does not count. */
const SURROUNDINGS = ["!~^", "{|}", "@`;"];
const LIST = Array.from(
  { length: 80 },
  (_, i) => `<li><a href="/item/${(i * 7919) % 1000}">Item ${i}</a></li>`,
);

const pageOf = (visitor: string, token: string, query: string): Buffer =>
  Buffer.from(
    `<!doctype html><title>Account</title><h1>Hello ${visitor}</h1>` +
      `<form action="/pay"><input type="hidden" name="csrf" value="t${token}"></form>` +
      `<ul>${LIST.join("\n")}</ul><p>You searched for: ${query}</p>`,
  );

interface Visit {
  readonly request: readonly string[];
  readonly response?: readonly string[];
}

/** An edge as far as bases go: each request is answered with a delta of measured size, and remembered. */
class Edge {
  readonly #store = new VersionStore({ clock: new FakeClock(), bytes: 1 << 22 });
  readonly #rules: ScopeRules;

  constructor(bases: BasesPolicy) {
    this.#rules = new ScopeRules({ bases, harmlessCookies: [] }, Buffer.alloc(32, 7));
  }

  /** Serves a page; the bytes of the delta by which it travelled, for who looks at them. */
  serve(url: string, body: Buffer, visit: Visit): () => number {
    const partition = partitionOf({ keyId: "k", host: "shop.example" });
    const peerStore = "the origin" as StoreId;
    const pageKey = pageKeyOf(url);
    const credentials = this.#rules.credentialsOf(visit.request);
    const { session } = credentials;
    const { commonBases } = this.#rules;
    const wanted = { partition, pageKey, session, bases: this.#rules.bases, commonBases, peerStore };
    const bases = chooseBases(this.#store, wanted);
    const scope = this.#rules.scopeOf({ credentials, status: 200, response: visit.response ?? [] });
    this.#store.remember(partition, {
      ...pageKey,
      body,
      fingerprint: fingerprintOf(body),
      scope,
      from: peerStore,
    });
    return () =>
      zstdCompressSync(body, {
        dictionary: Buffer.concat(bases.map((base) => base.body)),
        params: { [constants.ZSTD_c_compressionLevel]: 6, [constants.ZSTD_c_windowLog]: 20 },
      }).length;
  }
}

interface Scene {
  readonly name: string;
  /** The victim's n-th view of the account page; the page is the same each time. */
  readonly victim: (view: number) => Visit;
  readonly attacker: readonly string[];
}

const SID = "0f8e7d6c5b4a39281706f5e4d3c2b1a0";
const changing = (view: number) => `${view}`.repeat(32);
const OTHER_SESSION = ["Cookie", `sid=${changing(9)}`];
const NO_COOKIES: readonly string[] = [];
const session = (more = "") => ({ request: ["Cookie", `sid=${SID}${more}`] });

const SCENES: readonly Scene[] = [
  { name: "a session, from another session", victim: () => session(), attacker: OTHER_SESSION },
  { name: "a session, without cookies", victim: () => session(), attacker: NO_COOKIES },
  {
    name: "Authorization, with another",
    victim: () => ({ request: ["Authorization", "Basic dXNlcjpwdw=="] }),
    attacker: ["Authorization", "Basic b3RoZXI6cHc="],
  },
  {
    name: "one person whose other cookie changes with every page",
    victim: (view) => session(`; seen=${changing(view)}`),
    attacker: NO_COOKIES,
  },
  {
    name: "one person with renewed tokens",
    victim: (view) => ({ request: ["Authorization", `Bearer ${changing(view)}`] }),
    attacker: NO_COOKIES,
  },
  {
    name: "a session cookie encrypted anew with every page",
    victim: (view) => ({
      request: ["Cookie", `app=${changing(view)}`],
      response: ["Set-Cookie", `app=${changing(view + 1)}; HttpOnly`],
    }),
    attacker: NO_COOKIES,
  },
  {
    name: "the goodbye page of a logout, from all who share what is left",
    victim: () => ({
      ...session("; prefs=dark.large.1024x768"),
      response: ["Set-Cookie", "sid=; Max-Age=0"],
    }),
    attacker: ["Cookie", "prefs=dark.large.1024x768"],
  },
  {
    name: "a logout that leaves a word in place",
    victim: () => ({ ...session(), response: ["Set-Cookie", "sid=guest; Path=/"] }),
    attacker: ["Cookie", "sid=guest"],
  },
  {
    name: "a page that starts a session",
    victim: () => ({ request: [], response: ["Set-Cookie", `sid=${SID}; Path=/`] }),
    attacker: NO_COOKIES,
  },
  {
    name: "a page that clears a cookie nobody had",
    victim: () => ({
      request: [],
      response: ["Set-Cookie", "sid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT"],
    }),
    attacker: ["Cookie", "sid=deleted"],
  },
  {
    name: "a no-store page for a visitor without cookies",
    victim: () => ({ request: [], response: ["Cache-Control", "no-store"] }),
    attacker: NO_COOKIES,
  },
  {
    name: "a private page for a visitor known by a preference",
    victim: () => ({ request: ["Cookie", "theme=dark"], response: ["Cache-Control", "Private"] }),
    attacker: ["Cookie", "theme=dark"],
  },
  {
    name: "a credential behind a harmless name",
    victim: () => ({ request: ["Cookie", `_ga="1; sid=${SID}"`] }),
    attacker: ["Cookie", "_ga=GA1.2.3.4"],
  },
];

/** What the attacker sees: per digit, the size of each of the ten guesses; and the token it reads from that. */
function attack(scene: Scene, bases: BasesPolicy, secret: string): { sizes: number[][]; read: string } {
  const edge = new Edge(bases);
  const victimsPage = pageOf("victim", secret, "");
  let view = 1;
  for (; view <= 4; view++) edge.serve("/account?q=", victimsPage, scene.victim(view));
  const ask = (query: string): (() => number) =>
    edge.serve(`/account?q=${encodeURIComponent(query)}`, pageOf("attacker", "zzzz", query), {
      request: scene.attacker,
    });
  const sizes: number[][] = [];
  let read = "";
  for (let digit = 0; digit < secret.length; digit++) {
    const ofGuess = Array.from({ length: 10 }, (_, guess) =>
      SURROUNDINGS.reduce((sum, after) => {
        // The attacker keeps own guesses out of the bases, and waits until the victim was there.
        for (const neutral of ["a", "b", "c"]) ask(neutral);
        edge.serve("/account?q=", victimsPage, scene.victim(view++ % 8));
        return sum + ask(`value="t${read}${guess}${after}`)();
      }, 0),
    );
    sizes.push(ofGuess);
    read += ofGuess.indexOf(Math.min(...ofGuess));
  }
  return { sizes, read };
}

describe("a secret of one visitor's page", () => {
  it.each(SCENES)("tells nothing by the sizes of another's: $name", (scene) => {
    const [one, other] = SECRETS.map((secret) => attack(scene, "session", secret));
    expect(one?.sizes).toEqual(other?.sizes);
  });

  it.each(SCENES)("would tell under `site`: $name", (scene) => {
    const [one, other] = SECRETS.map((secret) => attack(scene, "site", secret));
    expect(one?.sizes).not.toEqual(other?.sizes);
  });

  it("would be read whole, digit by digit, under `site`", () => {
    for (const scene of SCENES.slice(0, 2))
      for (const secret of SECRETS) expect(attack(scene, "site", secret).read, scene.name).toBe(secret);
  });

  it.each(["url", "off"] as const)("tells nothing under `%s`", (bases) => {
    for (const scene of SCENES) {
      const [one, other] = SECRETS.map((secret) => attack(scene, bases, secret));
      expect(one?.sizes, scene.name).toEqual(other?.sizes);
    }
  });

  it("makes the victim's own next page small all the same", () => {
    const edge = new Edge("session");
    const first = edge.serve("/account?q=", pageOf("victim", "7391", ""), session());
    const next = edge.serve("/account?q=", pageOf("victim", "7391", "shoes"), session());
    expect(next()).toBeLessThan(first() / 10);
  });
});
