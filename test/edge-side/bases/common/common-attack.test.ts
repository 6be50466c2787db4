/**
 * The attack on common bases, played on the real store, scope rules, choice of bases and extraction: an attacker with two
 * sessions of his own makes a victim's page the third of a common base, has guesses reflected into his pages, and reads the
 * sizes of answers. No size depends on a secret of which he has not the whole; with another session's page as base, which
 * is what a common base replaces, the sizes do.
 */
import { describe, expect, it } from "vitest";
import { chooseBases } from "../../../../edge-side/bases/choose-bases.ts";
import { CommonBases } from "../../../../edge-side/bases/common/common-bases.ts";
import { FIRST_PAUSE_MS } from "../../../../edge-side/bases/common/watched-pages.ts";
import { zstdCodec } from "../../../../protocol/codec/zstd.ts";
import type { Link } from "../../../../protocol/link/link-api.ts";
import { MemoryBudget } from "../../../../protocol/runtime/memory-budget.ts";
import { type BasesPolicy, ScopeRules } from "../../../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../../../protocol/store/page-key.ts";
import { partitionOf } from "../../../../protocol/store/partition.ts";
import { type StoreId, VersionStore } from "../../../../protocol/store/version-store.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/silent-log.ts";

const NO_STORE = ["Cache-Control", "no-store"];
const PEER = "the origin" as StoreId;
const SECRETS = ["7391-4402", "0826-9915"] as const;

const LIST = Array.from(
  { length: 80 },
  (_, i) =>
    `<li><a href="/item/${i}">${Buffer.from(fingerprintOf(Buffer.of(i)), "latin1").toString("base64")}</a></li>`,
);

/** The account page: a token in a form, and whatever was searched for, once as text and once as a value. */
const pageOf = (visitor: string, token: string, query: string): Buffer =>
  Buffer.from(
    `<!doctype html><title>Account</title><h1>Hello ${visitor}</h1>` +
      `<form action="/pay"><input type="hidden" name="csrf" value="${token}"></form>` +
      `<ul>${LIST.join("\n")}</ul><p>You searched for: ${query}</p><form action="/pay"><input type="hidden" name="csrf" value="${query}"></form>`,
  );

/** By what people are told apart. */
type People = "sessions" | "networks";

const openEdge = (bases: BasesPolicy, people: People) => {
  const clock = new FakeClock();
  const store = new VersionStore({ clock, bytes: 1 << 24 });
  const memory = new MemoryBudget({ totalBytes: 1e8, shareBytes: 1e8 });
  const common = new CommonBases({ clock, log: silentLog, store, memory });
  const rules = new ScopeRules({ bases, harmlessCookies: [] }, Buffer.alloc(32, 7));
  const partition = partitionOf({ keyId: "k", host: "shop.example" });
  const made: Buffer[] = [];
  const link = {
    keyId: "k",
    peer: { storeId: PEER, features: ["push"], pageBytes: 1 << 23 },
    push: ({ name }: { name: string }) => {
      const base = store.listed(partition, "public", ` ${name}`).at(-1)?.body;
      if (base !== undefined) made.push(base);
    },
  } as unknown as Link;
  /** A visit of the account page; resolves with the bytes of the answer. */
  const serve = async (session: string, body: Buffer): Promise<number> => {
    const pageKey = pageKeyOf("/account");
    const asked = people === "sessions" ? ["Cookie", `sid=${session.repeat(32)}`] : [];
    const credentials = rules.credentialsOf(asked);
    const addressed = rules.addressed(credentials, { owner: session, network: session });
    const offered = chooseBases(store, {
      partition,
      pageKey,
      session: credentials.session,
      addressed: addressed?.session,
      bases,
      commonBases: rules.commonBases,
      peerStore: PEER,
    });
    const { length: answerBytes } = await zstdCodec.encode(
      offered.map((version) => version.body),
      body,
    );
    const scope = rules.scopeOf({ credentials, addressed, status: 200, response: NO_STORE });
    const fingerprint = fingerprintOf(body);
    const version = store.remember(partition, { ...pageKey, body, fingerprint, scope, from: PEER });
    if (scope.kind === "session" && version !== undefined)
      common.visited({ partition, pageKey, scope, version, offered, answerBytes, link });
    await clock.advance(FIRST_PAUSE_MS);
    await common.idle();
    return answerBytes;
  };
  return { serve, made };
};

/** What the attacker places in his two sessions' pages before, and asks for after. */
interface Attack {
  readonly name: string;
  /** Who comes last, and so whose page the pieces are taken from. */
  readonly last: "victim" | "attacker";
  readonly query: (guess: string) => string;
}

const ATTACKS: readonly Attack[] = (["victim", "attacker"] as const).flatMap((last) => [
  { name: `a prefix as it stands, the ${last}'s page last`, last, query: (guess) => guess },
  {
    name: `a prefix with all that surrounds it, the ${last}'s page last`,
    last,
    query: (guess) => `<input type="hidden" name="csrf" value="${guess}`,
  },
  {
    name: `a prefix made whole, the ${last}'s page last`,
    last,
    query: (guess) => `<input type="hidden" name="csrf" value="${guess}"></form>`,
  },
]);

/** Sizes of the answers that the attacker sees after guesses that are right to the first `known` digits. */
const play = async (attack: Attack, secret: string, guess: string, bases: BasesPolicy, people: People) => {
  const edge = openEdge(bases, people);
  const victim = () => edge.serve("v", pageOf("victim", secret, ""));
  const attackers = async () => {
    if (bases === "site") return; // the victim's page is a base by itself
    await edge.serve("a", pageOf("me", "zzzz-zzzz", attack.query(guess)));
    await edge.serve("b", pageOf("myself", "yyyy-yyyy", attack.query(guess)));
  };
  if (attack.last === "victim") await attackers();
  await victim();
  if (attack.last === "attacker") await attackers();
  const sizes: number[] = [];
  for (const [at, session] of ["c", "d", "e"].entries())
    sizes.push(await edge.serve(session, pageOf(session, "xxxx-xxxx", attack.query(`${guess}${at}`))));
  return { sizes, made: edge.made.map((base) => base.toString("latin1")) };
};

describe.each(
  ATTACKS.flatMap((attack) => (["sessions", "networks"] as const).map((people) => ({ ...attack, people }))),
)("$name, people are $people", (attack) => {
  it.each([1, 4, 8])("tells nothing of a secret of which %i digits are guessed", async (known) => {
    const [right, wrong] = SECRETS;
    const guess = right.slice(0, known);
    const [one, other] = [
      await play(attack, right, guess, "session", attack.people),
      await play(attack, wrong, guess, "session", attack.people),
    ];
    expect(one.made.length).toBeGreaterThan(0);
    expect(one.made.join()).not.toContain(right);
    expect(one.sizes).toEqual(other.sizes);
    expect(one.made).toEqual(other.made);
  });

  it("would tell under `site`, where another session's page is the base", async () => {
    const [right, wrong] = SECRETS;
    const guess = right.slice(0, 8);
    const sizes = [
      await play(attack, right, guess, "site", attack.people),
      await play(attack, wrong, guess, "site", attack.people),
    ];
    expect(sizes[0]?.sizes).not.toEqual(sizes[1]?.sizes);
  });
});

it("a whole value that the attacker knows already is confirmed: what common bases do not hide", async () => {
  const [secret] = SECRETS;
  const edge = openEdge("session", "sessions");
  await edge.serve("v", pageOf("victim", secret, ""));
  await edge.serve("a", pageOf("me", secret, ""));
  await edge.serve("b", pageOf("myself", secret, ""));
  expect(edge.made.at(-1)?.includes(secret)).toBe(true);
});
