/**
 * Chosen text in a base reads a secret in the page that is built on it: who forges three people's cookies fills a public or a common
 * base with guesses, and sees how large the answers to a visitor are. Played on what both sides choose, code and pad with; no
 * connection is between them. SPEC section "What sizes tell".
 */

import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  type Ask,
  accountOf,
  byCommonBase,
  byPublicBase,
  digitsRead,
  FEW_SECRETS,
  MOST_BY_CHANCE,
  MOST_RIGHT,
  SECRETS,
  type SizeAttack,
} from "../../bench/attack/size-attacks.ts";
import { CommonBases } from "../../edge-side/bases/common/common-bases.ts";
import { sizeExposureOf } from "../../edge-side/exchange/size-exposure.ts";
import { UntrustedProxies } from "../../edge-side/exchange/untrusted-proxies.ts";
import { HeldPages } from "../../edge-side/exchange/visit-memory.ts";
import { VisitBases } from "../../edge-side/proxy/visit-bases.ts";
import { encodePage } from "../../origin-side/answer/coding/encode-delta.ts";
import { padOf } from "../../origin-side/answer/pad-answer.ts";
import { agreedCodecs, codecIds, STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { whole } from "../../protocol/mixing/coded-in-turns.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { type BasesPolicy, ScopeRules } from "../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../protocol/store/page-key.ts";
import { VersionStore } from "../../protocol/store/version-store.ts";
import { ByteWriter } from "../../protocol/wire/bytes.ts";
import { type Extension, NO_EXTENSIONS, writeExtensions } from "../../protocol/wire/extensions.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import { silentLog } from "../kit/silent-log.ts";
import { TRUSTED } from "../kit/trusted.ts";

const HOST = "www.example.com";
const IDS = codecIds(["zstd"]);

interface Sides {
  readonly ask: Ask;
  /** Resolves when a common base is made of what came last. */
  made(): Promise<void>;
}

interface SidesOptions {
  readonly bases?: BasesPolicy;
  readonly padded?: boolean;
}

const openSides = ({ bases = "session", padded = true }: SidesOptions = {}): Sides => {
  const clock = new FakeClock();
  const store = new VersionStore({ clock });
  const memory = new MemoryBudget({ totalBytes: 1e8, shareBytes: 1e8 });
  const commonBases = new CommonBases({ clock, log: silentLog, store, memory });
  const dependencies = {
    clock,
    log: silentLog,
    store,
    memory,
    commonBases,
    heldPages: new HeldPages(memory),
    pageBytes: 1e6,
    untrusted: new UntrustedProxies(silentLog),
  };
  const rules = new ScopeRules({ bases, harmlessCookies: [] }, Buffer.alloc(32, 7));
  const link = {
    keyId: "k",
    peer: { storeId: "the origin", features: ["push"], pageBytes: 1e6 },
    push: () => undefined,
  } as unknown as Link;
  const ask: Ask = async (target, headers) => {
    const fields = Object.entries(headers).flat();
    const visitor = { method: "GET", host: HOST, authority: HOST, target, fields, address: "127.0.0.1" };
    const visit = new VisitBases(link, {
      visitor,
      asked: {
        pageKey: pageKeyOf(target),
        credentials: rules.credentialsOf(fields),
        addressed: undefined,
        proxyNotTrusted: false,
        logsIn: false,
        fromTrustedProxy: false,
        exposure: sizeExposureOf(visitor, rules.mayHoldSecret(fields)),
      },
      rules,
      dependencies,
    });
    const { secret, page } = accountOf(target);
    const body = Buffer.from(page);
    const fingerprint = fingerprintOf(body);
    visit.answered(
      { status: 200, reason: "OK", fields: secret === "" ? [] : ["Cache-Control", "private"] },
      undefined,
    );
    const bases = visit.offers.versions.map((version, offer) => ({ offer, version }));
    const same = bases.some(({ version }) => version.fingerprint === fingerprint);
    const { coded: made, looked } = await encodePage(
      bases,
      body,
      {
        codecs: agreedCodecs(IDS, IDS),
        streaming: STREAMING_CODEC,
        load: () => 0,
        foldsTokens: true,
        readsUnits: true,
        readsMixed: true,
        trust: TRUSTED,
      },
      { linkIsFull: false, open: { extensions: NO_EXTENSIONS } },
    );
    const coded = await whole(made);
    const padding = padded
      ? padOf(visit.offers.offering, coded.length, { page: fingerprint, offered: bases, looked })
      : [];
    const plain = visit.offers.offering.sizes?.kind === "plain";
    const answer = same ? 0 : coded.length + bytesOf(padding);
    visit.remember(body, fingerprint);
    visit.over(answer);
    if (plain) return { link: body.length, visitor: body.length };
    // Nobody looks at the size of what comes to whoever plants guesses, on pages without a secret.
    return { link: answer, visitor: secret === "" ? 0 : gzipSync(body).length };
  };
  return {
    ask,
    async made() {
      await clock.advance(BUILD_MS);
      await commonBases.idle();
    },
  };
};

/** From one build of a common base to the next, and for the build. */
const BUILD_MS = 2_000;

/** Extensions as they stand in a frame. */
const bytesOf = (extensions: readonly Extension[]): number => {
  const writer = new ByteWriter();
  writeExtensions(writer, extensions);
  return writer.take().length;
};

const GZIP = { "Accept-Encoding": "gzip" };
const OWN = { ...GZIP, "Sec-Fetch-Site": "same-origin" };

type Attack = (sides: Sides, fields: Readonly<Record<string, string>>) => SizeAttack;
const ATTACKS: readonly (readonly [string, Attack])[] = [
  ["public", (_, fields) => byPublicBase(fields)],
  ["common", ({ made }, fields) => byCommonBase(fields, made)],
];

describe.each(ATTACKS)("a %s base with guesses in it", (_, attack) => {
  it("is read off answers that nothing pads", async () => {
    const sides = openSides({ padded: false });
    const { link } = await digitsRead(sides.ask, attack(sides, OWN), FEW_SECRETS);
    expect(link).toBeGreaterThan(MOST_BY_CHANCE + 3);
  });

  it("tells of no digit", async () => {
    const sides = openSides();
    const read = await digitsRead(sides.ask, attack(sides, OWN), SECRETS);
    expect(read.link).toBeLessThanOrEqual(MOST_RIGHT);
    expect(read.visitor).toBeLessThanOrEqual(MOST_RIGHT);
  });

  it.each([
    ["a request of another site", {}, { "Sec-Fetch-Site": "cross-site" }],
    ["one of the same site", {}, { "Sec-Fetch-Site": "same-site" }],
    ["one that says nothing of its site", {}, {}],
    ["a navigation", {}, { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" }],
    ["a navigation that says nothing of its site", {}, { Accept: "text/html" }],
    ["`bases: url`", { bases: "url" }, OWN],
    ["`bases: off`", { bases: "off" }, OWN],
  ] as const)("is built on by nothing of %s", async (_, options, fields) => {
    const sides = openSides({ ...options });
    const [secret = ""] = FEW_SECRETS;
    const guesses = await attack(sides, { ...GZIP, ...fields })(sides.ask, secret, secret.slice(0, 5));
    expect(new Set(guesses.map(({ link }) => link)).size).toBe(1);
    expect(new Set(guesses.map(({ visitor }) => visitor)).size).toBe(1);
  });
});

it("guesses in pages of a session that somebody planted are no base of who logs in with it", async () => {
  const planted = { Cookie: "sid=0f8e7d6c5b4a39281706f5e4d3c2b1a0", "Sec-Fetch-Site": "none" };
  const [secret = ""] = FEW_SECRETS;
  for (const cookie of [`${planted.Cookie}; login=${"e".repeat(32)}`, `sid=${"f".repeat(32)}`]) {
    const sides = openSides();
    const sizes = new Set<number>();
    for (const guess of "0123456789") {
      await sides.ask(`/my?q=${encodeURIComponent(`value="t${guess}`)}`, planted);
      // Each time as if for the first time: what is the visitor's own is another matter.
      const { link } = await sides.ask(`/my${secret}`, { ...OWN, Cookie: `${cookie}${guess}` });
      sizes.add(link);
    }
    expect(sizes.size).toBe(1);
  }
});
