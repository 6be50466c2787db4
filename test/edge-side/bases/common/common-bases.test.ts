/** When a common base is made, of what, how often, and what is done with it: on the real store, with a clock that stands. */
import { describe, expect, it } from "vitest";
import { chooseBases } from "../../../../edge-side/bases/choose-bases.ts";
import {
  CommonBases,
  DEAR_BYTES,
  MOST_PUSH_BYTES,
  MOST_SOURCE_BYTES,
} from "../../../../edge-side/bases/common/common-bases.ts";
import { REST_MS } from "../../../../edge-side/bases/common/in-slices.ts";
import { FIRST_PAUSE_MS } from "../../../../edge-side/bases/common/watched-pages.ts";
import { spliceCodec } from "../../../../protocol/codec/splice.ts";
import { zstdCodec } from "../../../../protocol/codec/zstd.ts";
import { DIGEST_BYTES, type VersionFrame } from "../../../../protocol/frames/frame.ts";
import type { Link } from "../../../../protocol/link/link-api.ts";
import { MemoryBudget } from "../../../../protocol/runtime/memory-budget.ts";
import { ScopeRules } from "../../../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../../../protocol/store/page-key.ts";
import { partitionOf } from "../../../../protocol/store/partition.ts";
import { type StoreId, VersionStore } from "../../../../protocol/store/version-store.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/silent-log.ts";

const HOST = "desk.example";
const NO_STORE = ["Cache-Control", "no-store"];
/** Longer than any build of these pages takes. */
const BUILD_MS = 60 * REST_MS;

const TEMPLATE = Array.from(
  { length: 90 },
  (_, at) => `<li><a href="/desk/${at}">Part ${at * 7919}</a></li>`,
);
const pageOf = (owner: string, what = TEMPLATE.join("\n")): string =>
  `<h1>Good day, ${owner}</h1>\n<input type="hidden" name="nonce" value="secret-of-${owner}">\n${what}\n<p>${owner}</p>`;

interface Visit {
  readonly url?: string;
  readonly page?: string;
  readonly request?: readonly string[];
  readonly response?: readonly string[];
  readonly answerBytes?: number;
  readonly peerStore?: string;
  readonly features?: readonly string[];
  /** False: the next visit comes at once. */
  readonly wait?: false;
}

const edge = ({ budgetBytes = 1e8 } = {}) => {
  const clock = new FakeClock();
  const store = new VersionStore({ clock, bytes: 1 << 25 });
  const memory = new MemoryBudget({ totalBytes: budgetBytes, shareBytes: budgetBytes });
  const common = new CommonBases({ clock, log: silentLog, store, memory });
  const rules = new ScopeRules({ bases: "session", harmlessCookies: [] }, Buffer.alloc(32, 5));
  const partition = partitionOf({ keyId: "k", host: HOST });
  const pushed: VersionFrame[] = [];
  const linkTo = (storeId: string, features: readonly string[]) =>
    ({
      keyId: "k",
      peer: { storeId, features, pageBytes: 1 << 23 },
      push: (frame: VersionFrame) => pushed.push(frame),
    }) as unknown as Link;

  /** All that visits caused is done. */
  const settled = async (): Promise<void> => {
    await clock.advance(BUILD_MS);
    await common.idle();
  };

  /** One visit as the edge sees it; resolves with what it was offered, once all that it causes is done. */
  const visit = async (owner: string, visit: Visit = {}): Promise<string[]> => {
    const { url = "/desk/", peerStore = "store one", features = ["push"], answerBytes = 5_000 } = visit;
    const request = visit.request ?? ["Cookie", `sid=${owner}-0123456789abcdef`];
    const response = visit.response ?? NO_STORE;
    const credentials = rules.credentialsOf(request);
    const pageKey = pageKeyOf(url);
    const offered = chooseBases(store, {
      partition,
      pageKey,
      session: credentials.session,
      bases: "session",
      commonBases: rules.commonBases,
      peerStore: peerStore as StoreId,
    });
    const marks = rules.answered({ credentials, method: "GET", status: 200, response })?.joined ?? [];
    if (marks.length > 0) common.samePerson(partition, marks);
    const scope = rules.scopeOf({ credentials, status: 200, response });
    const body = Buffer.from(visit.page ?? pageOf(owner));
    const sighting = { ...pageKey, body, fingerprint: fingerprintOf(body), scope };
    const version = store.remember(partition, { ...sighting, from: peerStore as StoreId });
    if (scope.kind === "session" && version !== undefined)
      common.visited({
        partition,
        pageKey,
        scope,
        version,
        offered,
        answerBytes,
        link: linkTo(peerStore, features),
      });
    if (visit.wait !== false) await settled();
    return offered.map((each) => each.body.toString("latin1"));
  };
  return { clock, store, memory, common, partition, pushed, visit, settled };
};

const PEOPLE = ["ann", "bob", "eve"] as const;

describe("a common base", () => {
  it("is made of small pages too, where it is a quarter of them", async () => {
    const { visit, pushed } = edge();
    const small = (owner: string, shared: number) =>
      `<p>${"what all have ".repeat(shared)}</p><p>${owner.repeat(200)}</p>`;
    for (const each of PEOPLE) await visit(each, { page: small(each, 10), answerBytes: 300 });
    expect(pushed).toHaveLength(0);
    for (const each of PEOPLE) await visit(each, { page: small(each, 30), answerBytes: 300, url: "/other/" });
    expect(pushed).toHaveLength(1);
  });

  it("is made of three people's pages, pushed once, and offered to the fourth", async () => {
    const { visit, pushed } = edge();
    for (const each of PEOPLE) expect(await visit(each)).toEqual([]);
    expect(pushed).toHaveLength(1);
    const [base = "", ...others] = await visit("dan");
    expect(others).toEqual([]);
    for (const part of TEMPLATE) expect(base).toContain(part);
    for (const each of PEOPLE) expect(base).not.toContain(each);
    expect(pushed).toHaveLength(1);
  });

  it("is made for every page that three people tour, however fast they come", async () => {
    const { visit, pushed, clock, settled } = edge();
    const urls = Array.from({ length: 5 }, (_, at) => `/desk/part${"abcde"[at]}/`);
    for (const each of PEOPLE)
      for (const url of urls)
        await visit(each, {
          url,
          page: pageOf(each, TEMPLATE.map((row) => url + row).join("\n")),
          wait: false,
        });
    const startedAt = clock.now();
    for (let builds = 0; builds < urls.length; builds++) await settled();
    expect(pushed.map(({ name }) => name)).toEqual(urls);
    expect(clock.now() - startedAt).toBeLessThanOrEqual(urls.length * BUILD_MS);
  });

  it.each([
    { told: "by zstd", features: ["push"], codec: zstdCodec, bytes: 200 },
    { told: "in units", features: ["push", "units"], codec: spliceCodec, bytes: 75 },
  ])("is pushed as a small delta on the page that has just come, $told, and proves", async (one) => {
    const { visit, pushed } = edge();
    for (const each of PEOPLE) await visit(each, { features: one.features });
    const [frame] = pushed;
    const spine = Buffer.from(pageOf("eve"));
    expect(frame).toMatchObject({ host: HOST, name: "/desk/", noStore: true, codec: one.codec.id });
    expect(frame?.bases).toEqual([fingerprintOf(spine).slice(0, 8)]);
    const body = await one.codec.decode([spine], frame?.coded ?? Buffer.alloc(0), { pageBytes: 1e6 });
    expect(body).toHaveLength(frame?.size ?? 0);
    expect(fingerprintOf(body).slice(0, DIGEST_BYTES)).toBe(frame?.result);
    expect(frame?.coded.length).toBeLessThan(one.bytes);
  });

  it("comes behind the visitor's own versions", async () => {
    const { visit } = edge();
    for (const each of PEOPLE) await visit(each);
    await visit("dan");
    const offered = await visit("dan", { page: pageOf("dan", "changed") });
    expect(offered.map((each) => each.includes("Good day, dan"))).toEqual([false, true]);
  });

  it("is also offered to visitors without a session", async () => {
    const { visit } = edge();
    for (const each of PEOPLE) await visit(each);
    expect(await visit("nobody", { request: [] })).toHaveLength(1);
  });

  it("of a template serves a URL never seen, where no URL has three people's pages", async () => {
    const { visit, pushed } = edge();
    for (const [at, each] of PEOPLE.entries()) await visit(each, { url: `/desk/items/${at}` });
    expect(pushed.map(({ name }) => name)).toEqual(["html /desk/items/#"]);
    expect(await visit("dan", { url: "/desk/items/99" })).toHaveLength(1);
  });

  it("is kept as strictly as what it was made of", async () => {
    const { visit, pushed } = edge();
    for (const each of PEOPLE) await visit(each, { response: ["Cache-Control", "private"] });
    expect(pushed.map(({ noStore }) => noStore)).toEqual([false]);
  });
});

describe("is not made", () => {
  const withIdentities = async (
    visits: readonly (Visit & { readonly owner?: string })[],
    options = edge(),
  ) => {
    for (const [at, each] of visits.entries()) await options.visit(each.owner ?? `p${at}`, each);
    return options.pushed.length;
  };
  const changing = (n: number) => `${n}`.repeat(32);

  it.each<[string, readonly (Visit & { readonly owner?: string })[]]>([
    ["of two people's pages", [{}, {}]],
    [
      "of three pages of one session",
      [{ owner: "a" }, { owner: "a", page: pageOf("a", "x") }, { owner: "a" }],
    ],
    [
      "of sessions with a credential in common",
      [1, 2, 3].map((n) => ({ request: ["Cookie", `device=same-device-id; sid=${changing(n)}`] })),
    ],
    [
      "of one person whose cookie each page puts another in the place of",
      [1, 2, 3, 4].map((n) => ({
        request: ["Cookie", `app=${changing(n)}`],
        response: [...NO_STORE, "Set-Cookie", `app=${changing(n + 1)}`],
      })),
    ],
    [
      "of one person with renewed tokens",
      [1, 2, 3, 4].map((n) => ({ request: ["Authorization", `Bearer ${changing(n)}`] })),
    ],
    [
      "of who shows nothing that tells people apart",
      [1, 2, 3, 4].map((n) => ({ request: ["Cookie", `lang=e${n}`], response: [] })),
    ],
    [
      "of two people's pages and one of who may be either",
      [{}, {}, { request: ["Cookie", "lang=en"], response: [] }],
    ],
    ["where answers are cheap", [1, 2, 3].map(() => ({ answerBytes: DEAR_BYTES - 1 }))],
    ["for a peer that does not speak push", [1, 2, 3].map(() => ({ features: [] }))],
    [
      "of pages that have nothing in common",
      [1, 2, 3].map((n) => ({ page: `<p>${changing(n).repeat(99)}</p>` })),
    ],
    ["of what is no text", [1, 2, 3].map((n) => ({ page: `${pageOf(`${n}`)}\0` }))],
    [
      "of pages that are too large",
      [1, 2, 3].map((n) => ({ page: pageOf(`${n}`).padEnd(MOST_SOURCE_BYTES + 1) })),
    ],
  ])("%s", async (_, visits) => expect(await withIdentities(visits)).toBe(0));

  it("from the page of who may be any of the people whose pages are at hand", async () => {
    const options = edge();
    for (const each of PEOPLE) await options.visit(each, { answerBytes: 0 });
    await options.visit("any", { request: ["Cookie", "lang=en"], response: [] });
    expect(options.pushed).toEqual([]);
    await options.visit("dan");
    expect(options.pushed).toHaveLength(1);
  });

  it("though a credential changed in a response that nobody remembers, such as a login", async () => {
    const options = edge();
    const rules = new ScopeRules({ bases: "session", harmlessCookies: [] }, Buffer.alloc(32, 5));
    for (const n of [1, 2, 3, 4]) {
      await options.visit("any", { request: ["Cookie", `sid=${changing(n)}`], page: pageOf(`${n}`) });
      const credentials = rules.credentialsOf(["Cookie", `sid=${changing(n)}`]);
      const response = ["Location", "/desk/", "Set-Cookie", `sid=${changing(n + 1)}; HttpOnly`];
      options.common.samePerson(
        options.partition,
        rules.answered({ credentials, method: "GET", status: 200, response })?.joined ?? [],
      );
    }
    expect(options.pushed).toEqual([]);
  });

  it("without memory for it", async () => {
    const options = edge({ budgetBytes: 3 * 4 * pageOf("p0").length - 1 });
    expect(await withIdentities([{}, {}, {}], options)).toBe(0);
    expect(options.memory.usedBytes).toBe(0);
  });

  it("where its push would be large: many pieces between what is one's own", async () => {
    const options = edge();
    const page = (owner: string) =>
      Array.from({ length: 3_000 }, (_, at) => {
        const number = Math.imul(at + 1, 2_654_435_761) >>> 0;
        const own = `${owner}${number}`.repeat(1 + (number % 7));
        return `${own}"${number} is shared by everybody here${"x".repeat(number % 61)}"`;
      }).join("");
    for (const each of PEOPLE) await options.visit(each, { page: page(each) });
    expect(options.pushed.length).toBe(0);
    for (const each of ["x", "y", "z"])
      await options.visit(each, { url: "/small", page: page(each).slice(0, 20_000) });
    const sizes = options.pushed.map(({ coded }) => coded.length);
    expect(sizes.length).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MOST_PUSH_BYTES);
  });

  it("when one of its sources was forgotten meanwhile, or it is stopped", async () => {
    for (const meanwhile of ["forget", "stop"] as const) {
      const { visit, common, store, pushed, partition, clock } = edge();
      await visit("ann");
      await visit("bob");
      const last = visit("eve");
      if (meanwhile === "forget") store.forget({ partition }, "/desk/");
      else await common.stop();
      await clock.advance(BUILD_MS);
      await last;
      expect(pushed, meanwhile).toEqual([]);
    }
  });
});

describe("is made anew", () => {
  const drifted = (owner: string) =>
    pageOf(owner, TEMPLATE.map((part) => part.replace("Part", "Chapter")).join("\n"));

  it("when answers on it cost half as much again, not before, and not at once", async () => {
    const { visit, pushed, clock } = edge();
    for (const each of PEOPLE) await visit(each);
    await visit("dan", { answerBytes: 1_000 });
    await clock.advance(FIRST_PAUSE_MS);
    await visit("flo", { answerBytes: 1_499 });
    expect(pushed).toHaveLength(1);
    // The first drifted page has nothing in common with older ones.
    for (const each of ["gil", "hal", "ida"]) await visit(each, { page: drifted(each), answerBytes: 1_500 });
    expect(pushed).toHaveLength(1);
    await clock.advance(FIRST_PAUSE_MS);
    await visit("jon", { page: drifted("jon"), answerBytes: 1_500 });
    expect(pushed).toHaveLength(2);
    const [base = "", ...more] = await visit("mia", { page: drifted("mia"), answerBytes: 900 });
    expect([base.includes("Chapter"), base.includes("Part"), more.length]).toEqual([true, false, 0]);
  });

  it("after 2, 4 and 8 dear answers where a base before it served better, then no more: one of the first signed-in page lacks their menu", async () => {
    const { visit, pushed, clock } = edge();
    const signedIn = (owner: string) => ({
      page: `${pageOf(owner)}<nav>Menu of all who are signed in</nav>`,
      answerBytes: 900,
    });
    for (const each of PEOPLE) await visit(each);
    await visit("dan", { answerBytes: 100 });
    await clock.advance(FIRST_PAUSE_MS);
    await visit("user 0", signedIn("user 0"));
    const made = [pushed.length];
    for (let user = 1; user <= 20; user++) {
      await clock.advance(FIRST_PAUSE_MS);
      const [base = ""] = await visit(`user ${user}`, signedIn(`user ${user}`));
      expect(base.includes("Menu"), `user ${user}`).toBe(user > 2);
      made.push(pushed.length);
    }
    expect(made.slice(0, 10)).toEqual([2, 2, 3, 3, 4, 4, 4, 4, 5, 5]);
    expect(made.at(-1)).toBe(5);
  });

  it("not for answers as cheap as the best one", async () => {
    const { visit, pushed, clock } = edge();
    for (const each of PEOPLE) await visit(each);
    for (const each of ["dan", "flo", "gil", "hal", "ida"]) {
      await visit(each, { answerBytes: 1_000 });
      await clock.advance(FIRST_PAUSE_MS);
    }
    expect(pushed).toHaveLength(1);
  });

  it("with doubled pauses while it does not help", async () => {
    const { visit, pushed, clock } = edge();
    for (const each of PEOPLE) await visit(each);
    let visits = 0;
    for (const pauses of [1, 2, 4, 8]) {
      await clock.advance(pauses * FIRST_PAUSE_MS - 3 * BUILD_MS);
      const before = pushed.length;
      await visit(`v${visits++}`, { page: pageOf(`v${visits}`, `${visits} ${TEMPLATE.join(`\n`)}`) });
      expect(pushed.length, `before ${pauses} pauses`).toBe(before);
      await clock.advance(3 * BUILD_MS);
      await visit(`v${visits++}`, { page: pageOf(`v${visits}`, `${visits} ${TEMPLATE.join(`\n`)}`) });
      expect(pushed.length, `after ${pauses} pauses`).toBe(before + 1);
    }
  });

  it("for a restarted origin side, once versions came from it", async () => {
    const { visit, pushed, clock } = edge();
    for (const each of PEOPLE) await visit(each);
    await clock.advance(FIRST_PAUSE_MS);
    expect(await visit("dan", { peerStore: "store two" })).toEqual([]);
    expect(pushed).toHaveLength(2);
    expect(pushed[1]?.bases).toEqual([fingerprintOf(Buffer.from(pageOf("dan"))).slice(0, 8)]);
    expect(await visit("flo", { peerStore: "store two" })).toHaveLength(1);
  });
});

describe("is gone", () => {
  it.each([
    ["with its URL", "/desk/"],
    ["with its host", undefined],
  ])("%s when that is forgotten", async (_, url) => {
    const { visit, store, partition } = edge();
    for (const each of PEOPLE) await visit(each);
    expect(store.forget({ partition }, url)).toBe(4);
    expect([await visit("dan"), store.count]).toEqual([[], 1]);
  });

  it("stays when another page is forgotten", async () => {
    const { visit, store, partition } = edge();
    for (const each of PEOPLE) await visit(each);
    expect(store.forget({ partition }, "/elsewhere/deep/in")).toBe(0);
    expect(await visit("dan")).toHaveLength(1);
  });

  it("as long after its last use as its sources would be", async () => {
    const { visit, store, clock } = edge();
    for (const each of PEOPLE) await visit(each);
    await clock.advance(600_000);
    expect(await visit("dan")).toEqual([]);
    await clock.advance(700_000);
    expect(store.count).toBe(0);
  });
});
