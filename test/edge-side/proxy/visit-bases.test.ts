import { beforeEach, describe, expect, it } from "vitest";
import { CommonBases } from "../../../edge-side/bases/common/common-bases.ts";
import { sizeExposureOf } from "../../../edge-side/exchange/size-exposure.ts";
import { UntrustedProxies } from "../../../edge-side/exchange/untrusted-proxies.ts";
import { HeldPages } from "../../../edge-side/exchange/visit-memory.ts";
import { VisitBases } from "../../../edge-side/proxy/visit-bases.ts";
import { authenticatesConnection } from "../../../protocol/http/connection-auth.ts";
import type { Link } from "../../../protocol/link/link-api.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { CookieHistory } from "../../../protocol/scope/cookie-history.ts";
import type { NoBase } from "../../../protocol/scope/no-base.ts";
import { type BasesPolicy, ScopeRules } from "../../../protocol/scope/scope.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../../protocol/store/page-key.ts";
import { SWEEP_MS } from "../../../protocol/store/store-options.ts";
import { VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/silent-log.ts";

let clock: FakeClock;
/** What the answers of one test made of cookies. */
let history: CookieHistory;
let store: VersionStore;
let memory: MemoryBudget;
beforeEach(() => {
  clock = new FakeClock();
  history = new CookieHistory();
  store = new VersionStore({ clock, bytes: 100_000, lifetimes: { sessionMs: 60_000, retiredMs: 0 } });
  memory = new MemoryBudget({ totalBytes: 1_000, shareBytes: 1_000 });
});

interface Visit {
  readonly keyId?: string;
  readonly storeId?: string;
  readonly target?: string;
  readonly fields?: readonly string[];
  readonly bases?: BasesPolicy;
  readonly host?: string;
  /** The visitor's own address; without it the peer is a proxy that is not believed. */
  readonly address?: string;
  readonly method?: string;
  readonly site?: string;
}

const versionsOf = (visit: Visit = {}, heard?: (marks: readonly string[]) => void): VisitBases => {
  const { keyId = "k", storeId = "store of origin1", target = "/a", fields = [], bases = "session" } = visit;
  const host = visit.host ?? "www.example.com";
  const { method = "GET", site = "none", address } = visit;
  const own = ["Sec-Fetch-Site", site, ...fields];
  const visitor = { method, host, authority: host, target, fields: own, address: "127.0.0.1" };
  const link = { keyId, peer: { storeId, features: [] } } as unknown as Link;
  const rules = new ScopeRules({ bases, harmlessCookies: [] }, Buffer.alloc(32, 1), history);
  const commonBases = new CommonBases({ clock, store, memory, log: silentLog });
  if (heard !== undefined) commonBases.samePerson = (_, marks) => heard(marks);
  const heldPages = new HeldPages(memory);
  const untrusted = new UntrustedProxies(silentLog);
  const options = { store, memory, log: silentLog, clock, commonBases, heldPages, pageBytes: 1e6, untrusted };
  const credentials = rules.credentialsOf(fields);
  const pageKey = pageKeyOf(visitor.target);
  return new VisitBases(link, {
    visitor,
    asked: {
      pageKey,
      credentials,
      addressed: address === undefined ? undefined : rules.addressed(credentials, placeAt(address)),
      proxyNotTrusted: address === undefined,
      logsIn: authenticatesConnection(own),
      fromTrustedProxy: false,
      exposure: sizeExposureOf(visitor, rules.mayHoldSecret(own)),
    },
    rules,
    dependencies: options,
  });
};

const placeAt = (address: string) => ({ owner: address, network: address });

const HEAD = { status: 200, reason: "OK", fields: ["Content-Type", "text/html"] };

/** A visit that brings this page. */
const bring = (text: string, visit: Visit = {}, fields: readonly string[] = []): VisitBases => {
  const body = Buffer.from(text);
  const versions = versionsOf(visit);
  versions.answered({ ...HEAD, fields: [...HEAD.fields, ...fields] }, undefined);
  versions.remember(body, fingerprintOf(body));
  versions.over(0);
  return versions;
};

const offered = (visit: Visit = {}): string[] =>
  versionsOf(visit).offers.versions.map(({ body }) => body.toString());
const session = (name: string) => ["Cookie", `sid=${name}-0123456789abcdef`];

describe("what a visit brings", () => {
  it("is offered the next time, best last", () => {
    bring("other page", { target: "/b" });
    bring("old");
    bring("new");
    expect(offered()).toEqual(["other page", "old", "new"]);
  });

  it.each<[string, Visit]>([
    ["another key", { keyId: "k2" }],
    ["another host", { host: "other.example.com" }],
    ["a store that it did not come from", { storeId: "store of origin2" }],
    ["a policy of none", { bases: "off" }],
  ])("is not offered to %s", (_, visit) => {
    bring("page");
    expect(offered(visit)).toEqual([]);
  });

  it("for a session is offered to that session alone", () => {
    bring("alice's", { fields: session("alice") });
    expect([offered({ fields: session("alice") }), offered({ fields: session("bob") }), offered()]).toEqual([
      ["alice's"],
      [],
      [],
    ]);
  });

  it("as private is nobody's where the visitor shows nothing", () => {
    bring("private", {}, ["Cache-Control", "private"]);
    expect(offered()).toEqual([]);
  });

  it("for a token in a URL is everybody's, unless it says that it is private", () => {
    const withToken = { target: "/reset?token=0123456789abcdef" };
    bring("reset", withToken);
    expect(offered({ target: "/reset?token=fedcba9876543210" })).toEqual(["reset"]);
    bring("private reset", withToken, ["Cache-Control", "private"]);
    expect(offered({ target: "/reset?token=fedcba9876543210" })).toEqual(["reset"]);
  });

  it("from two stores is offered to both", () => {
    bring("page");
    bring("page", { storeId: "store of origin2" });
    expect([offered(), offered({ storeId: "store of origin2" })]).toEqual([["page"], ["page"]]);
  });
});

it("says whether the visitor showed anything of a session", () => {
  expect([versionsOf().session, versionsOf({ fields: session("a") }).session]).toEqual([false, true]);
  expect(versionsOf({ fields: session("a"), bases: "site" }).session).toBe(false);
});

it("a mismatch forgets the bases, and is recorded", () => {
  bring("base");
  const versions = versionsOf();
  versions.answered(HEAD, undefined);
  expect([versions.offers.versions.length, versions.mismatched]).toEqual([1, false]);
  versions.onMismatch(versions.offers.versions);
  expect(versions.mismatched).toBe(true);
  expect([offered(), store.count]).toEqual([[], 0]);
});

it("what a visit holds of the budget is given back when it is over; its decoding is added up", () => {
  const versions = versionsOf();
  expect(versions.memory.lease.grow(600)).toBe(true);
  expect(versions.decodeMs).toBeUndefined();
  versions.decoded(1);
  versions.decoded(2);
  expect(memory.usedBytes).toBe(600);
  versions.over(0);
  expect([versions.decodeMs, memory.usedBytes]).toEqual([3, 0]);
});

it("offers are versions whose short forms differ", () => {
  bring("page");
  bring("page", { target: "/b" });
  expect(versionsOf().offers.versions.map(({ short }) => short)).toEqual([
    shortOf(fingerprintOf(Buffer.from("page"))),
  ]);
});

it("a cookie that takes another's place keeps the person one, whatever its response brings", () => {
  const joined: (readonly string[])[] = [];
  const versions = versionsOf({ fields: session("ann") }, (marks) => joined.push(marks));
  const fields = ["Set-Cookie", "sid=renewed-0123456789abcdef"];
  versions.answered({ status: 302, reason: "Found", fields }, undefined);
  expect(joined.map((marks) => marks.length)).toEqual([2]);
  versionsOf({ fields: session("ann"), bases: "url" }, (marks) => joined.push(marks)).answered(
    HEAD,
    undefined,
  );
  expect(joined).toHaveLength(1);
});

const PRIVATE = ["Cache-Control", "private"];
const AT = { address: "81.2.69.7" };
const SETS = ["Set-Cookie", "sid=another-0123456789abcdef"];

describe("a whole answer says why it had no base:", () => {
  it.each<[NoBase, Visit, readonly string[]]>([
    ["first-visit", {}, []],
    ["new-session", { fields: session("ann") }, []],
    ["new-session", { fields: session("ann") }, ["Set-Cookie", "sid=ann-0123456789abcdef"]],
    ["private", { fields: session("ann") }, PRIVATE],
    ["private", AT, PRIVATE],
    ["no-store", AT, ["Cache-Control", "private, no-store"]],
    ["sets-cookie", AT, [...PRIVATE, ...SETS]],
    ["renewed", { fields: session("ann"), method: "POST" }, SETS],
    ["renewed", { fields: session("ann") }, ["Set-Cookie", "sid=; Max-Age=0"]],
    ["capability", { ...AT, target: "/reset/x7Kq9vT2mWz4Lp8R" }, PRIVATE],
    ["proxy-not-trusted", {}, PRIVATE],
    ["connection-login", { fields: ["Authorization", "NTLM TlRMTVNTUAABAAAA"] }, []],
    ["off", { bases: "off" }, []],
  ])("%s: %j, answered with %j", (reason, visit, fields) => {
    expect(bring("page", visit, fields).whyNoBase("whole", 4)).toBe(reason);
  });

  it("foreign, where others' pages are there and another site may have led the visitor here", () => {
    bring("everybody's", { target: "/b" });
    const led = {
      fields: [...session("ann"), "Sec-Fetch-Mode", "navigate"],
      site: "cross-site",
    };
    expect(bring("page", led).whyNoBase("whole", 4)).toBe("foreign");
    expect(bring("page", { ...led, host: "new.example.com" }).whyNoBase("whole", 4)).toBe("new-session");
  });

  it("evicted, where there was no room for what this visitor had", () => {
    const [ann, bob]: Visit[] = ["ann", "bob"].map((name) => ({ fields: session(name), bases: "url" }));
    bring("mine", ann, PRIVATE);
    for (let i = 0; i < 9; i++) bring(`${i}`.repeat(15_000), { target: `/other/${i}` });
    expect(bring("again", ann, PRIVATE).whyNoBase("whole", 5)).toBe("evicted");
    expect(bring("his", bob, PRIVATE).whyNoBase("whole", 3)).toBe("private");
  });

  it("expired, where it was not used for as long as it is kept", async () => {
    bring("mine", { fields: session("ann") }, PRIVATE);
    await clock.advance(60_000 + SWEEP_MS);
    expect(bring("again", { fields: session("ann") }, PRIVATE).whyNoBase("whole", 5)).toBe("expired");
  });

  it("other-origin-side, where only another one holds it", () => {
    bring("page");
    expect(bring("later", { storeId: "store of origin2" }).whyNoBase("whole", 5)).toBe("other-origin-side");
  });

  it("too-large, or budget, where it was not remembered", () => {
    const versions = versionsOf();
    versions.answered(HEAD, undefined);
    expect(versions.whyNoBase("whole", 1e6 + 1)).toBe("too-large");
    expect(versions.whyNoBase("whole", 1e6)).toBe("budget");
  });

  it("origin-side, where some were offered", () => {
    bring("page");
    expect(bring("later").whyNoBase("whole", 5)).toBe("origin-side");
  });

  it("new-session, where a renewed one goes on under its new name", () => {
    bring("page", { fields: session("eve") }, ["Set-Cookie", "sid=first-0123456789abcdef"]);
    const renewing = bring("other", { fields: session("first"), host: "b.example.com" }, SETS);
    expect(renewing.whyNoBase("whole", 5)).toBe("new-session");
  });
});

describe("an answer that passed says why:", () => {
  it.each<[NoBase, Visit, readonly string[]]>([
    ["no-body", { method: "HEAD" }, []],
    ["not-compressible", {}, ["Content-Encoding", "br"]],
    ["foreign", { fields: session("ann"), site: "cross-site" }, []],
    ["origin-side", {}, []],
  ])("%s: %j, answered with %j", (reason, visit, fields) => {
    expect(bring("page", visit, fields).whyNoBase("passed", 4)).toBe(reason);
  });
});
