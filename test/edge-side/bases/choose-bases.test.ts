import { describe, expect, it } from "vitest";
import { type BasesWanted, chooseBases } from "../../../edge-side/bases/choose-bases.ts";
import { MOST_OFFERS } from "../../../protocol/frames/frame.ts";
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import type { Scope } from "../../../protocol/scope/scope.ts";
import { commonName } from "../../../protocol/store/common-base-name.ts";
import { type Fingerprint, fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { MAX_OFFERS } from "../../../protocol/store/page-index.ts";
import { pageKeyOf } from "../../../protocol/store/page-key.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { DEFAULT_LIFETIMES } from "../../../protocol/store/store-options.ts";
import { type StoreId, VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const TENANT = partitionOf({ keyId: "k", host: "a.example" });
const PEER = "the peer's store" as StoreId;
const ANN = "ann's session..." as SessionKey;
const PUBLIC: Scope = { kind: "public", retention: "keep" };
const ANNS: Scope = { kind: "session", session: ANN, retention: "session", marks: undefined };

/** A store that has seen these pages, in this order; the body names the page. */
function seen(...pages: readonly (readonly [url: string, body: string, scope?: Scope, from?: StoreId])[]) {
  const clock = new FakeClock();
  const store = new VersionStore({ clock, bytes: 1 << 20 });
  for (const [url, text, scope = PUBLIC, from = PEER] of pages) {
    const body = Buffer.from(text);
    store.remember(TENANT, { ...pageKeyOf(url), body, fingerprint: fingerprintOf(body), scope, from });
  }
  return { store, clock };
}

function chosen(store: VersionStore, url: string, more: Partial<BasesWanted> = {}): string[] {
  const wanted = {
    partition: TENANT,
    pageKey: pageKeyOf(url),
    session: undefined,
    bases: "session",
    commonBases: true,
    peerStore: PEER,
    ...more,
  } as const;
  return chooseBases(store, wanted).map(({ body }) => body.toString());
}

describe("chooseBases", () => {
  it("has nothing for a store that saw nothing", () => {
    expect(chosen(seen().store, "/a/1")).toEqual([]);
  });

  it("offers the newest versions of the URL, newest last, and no more than may be offered", () => {
    const versions = Array.from({ length: MAX_OFFERS + 2 }, (_, number) => ["/a/1", `v${number}`] as const);
    expect(chosen(seen(...versions).store, "/a/1")).toEqual(["v2", "v3", "v4", "v5"]);
  });

  it("fills with the newest other pages of the template, before the URL's own versions", () => {
    const { store } = seen(
      ["/a/2", "sibling 2"],
      ["/a/1", "old"],
      ["/a/1", "new"],
      ["/a/3", "sibling 3"],
      ["/a/4", "sibling 4"],
    );
    expect(chosen(store, "/a/1")).toEqual(["sibling 3", "sibling 4", "old", "new"]);
  });

  it("offers the newest pages of the template for a URL never seen", () => {
    const { store } = seen(
      ["/a/1", "1"],
      ["/a/2", "2, old"],
      ["/a/2", "2"],
      ["/a/3", "3"],
      ["/a/4", "4"],
      ["/a/5", "5"],
    );
    expect(chosen(store, "/a/9")).toEqual(["2", "3", "4", "5"]);
  });

  it("prefers, of other pages, those whose URL begins with the same words", () => {
    const { store } = seen(
      ["/admin/edit.php", "edit"],
      ["/admin/edition.php", "edition"],
      ["/admin/users.php", "users"],
      ["/admin/tools.php", "tools"],
      ["/admin/media.php", "media"],
    );
    expect(chosen(store, "/admin/edit-tags.php")).toEqual(["users", "tools", "media", "edit"]);
    expect(chosen(store, "/admin/other.php")).toEqual(["edition", "users", "tools", "media"]);
  });

  it("lets nobody choose other pages by what a query says", () => {
    const { store } = seen(
      ["/find?q=guess", "1"],
      ["/find?q=b", "2"],
      ["/find?q=a", "3"],
      ["/find?q=c", "4"],
      ["/find?q=d", "5"],
    );
    expect(chosen(store, "/find?q=guess-7")).toEqual(["2", "3", "4", "5"]);
  });

  it("prefers the more specific template, and falls back to the site", () => {
    const { store } = seen(
      ["/a/x/1", "same template"],
      ["/a/y/z/w", "same section"],
      ["/b", "same site"],
      ["/c.json", "another kind"],
    );
    expect(chosen(store, "/a/x/2")).toEqual(["same site", "same section", "same template"]);
  });

  it("offers a version once, though it is found in several ways", () => {
    const { store } = seen(["/a/1", "x"], ["/a/2", "x"], ["/a/1", "x", ANNS]);
    expect(chosen(store, "/a/1", { session: ANN })).toEqual(["x"]);
  });

  it("never offers two versions with equal short forms", () => {
    const { store } = seen();
    for (const [number, end] of ["a", "b"].entries())
      store.remember(TENANT, {
        ...pageKeyOf(`/a/${number}`),
        body: Buffer.from(end),
        fingerprint: `shortfor${end.repeat(24)}` as Fingerprint,
        scope: PUBLIC,
        from: PEER,
      });
    expect(chosen(store, "/a/9")).toEqual(["b"]);
  });

  it("offers only what the peer's store is known to hold", () => {
    const other = "another's store." as StoreId;
    const { store } = seen(
      ["/a/1", "theirs", PUBLIC, other],
      ["/a/1", "both", PUBLIC, other],
      ["/a/1", "both"],
      ["/a/2", "ours"],
    );
    expect(chosen(store, "/a/1")).toEqual(["ours", "both"]);
    expect(chosen(store, "/a/1", { peerStore: other })).toEqual(["theirs", "both"]);
  });

  it("offers nothing of another tenant", () => {
    const { store } = seen(["/a/1", "x"]);
    expect(chosen(store, "/a/1", { partition: partitionOf({ keyId: "other", host: "a.example" }) })).toEqual(
      [],
    );
  });
});

describe("chooseBases and sessions", () => {
  const pages = [
    ["/a/1", "public, old"],
    ["/a/1", "ann's, old", ANNS],
    ["/a/1", "public"],
    ["/a/1", "ann's", ANNS],
    ["/a/2", "ann's sibling", ANNS],
    ["/a/3", "public sibling"],
  ] as const;

  it("keeps a place for a page of one's own, of whatever template, where everybody's would take them all", () => {
    const everybodys = ["/a/4", "/a/3", "/a/2", "/a/1"].map((url) => [url, `everybody's ${url}`] as const);
    const { store } = seen(["/desk/list", "list", ANNS], ...everybodys);
    const others = everybodys.map(([, text]) => text);
    expect(chosen(store, "/a/1")).toEqual(others);
    expect(chosen(store, "/a/1", { session: ANN })).toEqual(["list", ...others.slice(1)]);
    expect(chosen(store, "/a/1", { addressed: ANN })).toEqual(["list", ...others.slice(1)]);
    expect(chosen(store, "/a/1", { session: ANN, bases: "url" })).toEqual(others.slice(-1));
    // The visitor's own, and everybody's by the name of another page: once is enough.
    const both = seen(["/desk/list", "everybody's /a/2", ANNS], ...everybodys).store;
    expect(chosen(both, "/a/1", { session: ANN })).toEqual(others);
  });

  it("adds up to four more of one's own, at the far end, where none is of the URL", () => {
    const desk = Array.from({ length: 9 }, (_, at) => [`/desk/page${at}/`, `page ${at}`, ANNS] as const);
    const everybodys = ["/a/4", "/a/3", "/a/2"].map((url) => [url, `everybody's ${url}`] as const);
    const { store } = seen(...desk, ...everybodys);
    const all = chosen(store, "/a/1", { session: ANN });
    expect(all).toHaveLength(MOST_OFFERS);
    expect(all.slice(0, 5)).toEqual(["page 4", "page 5", "page 6", "page 7", "page 8"]);
    expect(chosen(store, "/a/1", { addressed: ANN })).toEqual(all);
    expect(chosen(store, "/a/1", { session: ANN, ownOnly: true })).not.toContain("everybody's /a/2");
    expect(chosen(store, "/a/2", { session: ANN })).toHaveLength(MAX_OFFERS);
    expect(chosen(store, "/a/1")).toHaveLength(everybodys.length);
  });

  it("offers the session's own before everybody's at equal age", () => {
    expect(chosen(seen(...pages).store, "/a/1", { session: ANN })).toEqual([
      "public, old",
      "ann's, old",
      "public",
      "ann's",
    ]);
    expect(chosen(seen(...pages).store, "/a/9", { session: ANN })).toEqual([
      "public",
      "ann's",
      "public sibling",
      "ann's sibling",
    ]);
  });

  it.each([
    ["one without credentials", undefined],
    ["another session", "bob's session..." as SessionKey],
  ])("offers %s nothing of hers", (_, session) => {
    for (const url of ["/a/1", "/a/2", "/a/9", "/"])
      expect(chosen(seen(...pages).store, url, { session }).join()).not.toContain("ann");
  });

  it("offers only the same URL under `url`, and nothing under `off`", () => {
    const { store } = seen(["/a/1", "x"], ["/a/2", "sibling"], ["/a/1", "ann's", ANNS]);
    expect(chosen(store, "/a/1", { bases: "url", session: ANN })).toEqual(["x", "ann's"]);
    expect(chosen(store, "/a/9", { bases: "url", session: ANN })).toEqual([]);
    expect(chosen(store, "/a/1", { bases: "off", session: ANN })).toEqual([]);
  });

  it("counts as a use, which puts off the end of a session's version", async () => {
    const { store, clock } = seen(["/a/1", "used", ANNS], ["/b/x/1", "unused", ANNS]);
    await clock.advance(DEFAULT_LIFETIMES.sessionMs - 1);
    expect(chosen(store, "/a/1", { session: ANN, bases: "url" })).toEqual(["used"]);
    await clock.advance(2);
    expect(chosen(store, "/b/x/1", { session: ANN, bases: "url" })).toEqual([]);
    expect(chosen(store, "/a/1", { session: ANN })).toEqual(["used"]);
  });

  it("does not offer what has ended but was not swept", async () => {
    const { store, clock } = seen(["/a/1", "x", ANNS]);
    await clock.advance(DEFAULT_LIFETIMES.sessionMs + 1);
    expect(store.count).toBe(1);
    expect(chosen(store, "/a/1", { session: ANN })).toEqual([]);
  });
});

describe("chooseBases and data", () => {
  const shown = [
    ["/", "front"],
    ["/a/1", "page"],
    ["/a/2", "ann's page", ANNS],
  ] as const;

  it.each(["/api/stories", "/feed", "/__data.json?a=1"])(
    "offers the newest pages for %s, of which nothing was seen",
    (url) => {
      const { store } = seen(...shown, ["/style.css", "a style"], ["/b", "page b"], ["/c", "c"], ["/d", "d"]);
      expect(chosen(store, url)).toEqual(["page", "page b", "c", "d"]);
      expect(chosen(store, url, { bases: "url" })).toEqual([]);
    },
  );

  it("offers one beside versions of its own, at the far end, while there is room", () => {
    const data = (count: number) => Array.from({ length: count }, (_, at) => ["/api/x", `v${at}`] as const);
    expect(chosen(seen(...shown, ...data(1)).store, "/api/x")).toEqual(["page", "v0"]);
    expect(chosen(seen(...shown, ...data(3)).store, "/api/x")).toEqual(["page", "v0", "v1", "v2"]);
    expect(chosen(seen(...shown, ...data(5)).store, "/api/x")).toEqual(["v1", "v2", "v3", "v4"]);
  });

  it("offers a session its own pages alone, and an address those of its own and everybody's", () => {
    const { store } = seen(...shown);
    expect(chosen(store, "/api/x", { session: ANN })).toEqual(["ann's page"]);
    expect(chosen(store, "/api/x", { session: "bob's session..." as SessionKey })).toEqual([]);
    expect(chosen(store, "/api/x", { addressed: ANN })).toEqual(["front", "page", "ann's page"]);
    expect(chosen(store, "/api/x", { addressed: ANN, ownOnly: true })).toEqual([]);
  });

  it("offers nothing of data for pages, nor pages for what is neither", () => {
    const { store } = seen(["/api/x", "data"]);
    expect(chosen(store, "/a/1")).toEqual([]);
    expect(chosen(seen(...shown).store, "/site.css")).toEqual([]);
  });
});

describe("chooseBases and common bases", () => {
  /** `common` under a key, beside pages as `seen` takes them. */
  const withCommon = (
    common: Readonly<Record<string, string>>,
    ...pages: readonly (readonly [url: string, body: string, scope?: Scope, from?: StoreId])[]
  ) => {
    const { store } = seen(...pages);
    for (const [key, text] of Object.entries(common)) {
      const body = Buffer.from(text);
      const place = { url: commonName(key), templates: [] };
      store.remember(TENANT, { ...place, body, fingerprint: fingerprintOf(body), scope: PUBLIC, from: PEER });
    }
    return store;
  };

  it("offers them behind the versions of the same URL or template, the most specific nearest", () => {
    const store = withCommon({ "/a/1": "common of the URL", "html /a/#": "common of the template" }, [
      "/a/1",
      "ann's",
      ANNS,
    ]);
    expect(chosen(store, "/a/1", { session: ANN })).toEqual([
      "common of the template",
      "common of the URL",
      "ann's",
    ]);
    expect(chosen(store, "/a/9")).toEqual(["common of the template"]);
  });

  it("leaves them out where the URL's own versions fill what may be offered", () => {
    const versions = Array.from({ length: MAX_OFFERS }, (_, at) => ["/a/1", `v${at}`] as const);
    expect(chosen(withCommon({ "/a/1": "common" }, ...versions), "/a/1")).toEqual(["v0", "v1", "v2", "v3"]);
  });

  it("before older pages of everybody's for a session that has none of its own there", () => {
    const versions = Array.from({ length: MAX_OFFERS }, (_, number) => ["/a/1", `v${number}`] as const);
    const store = withCommon({ "/a/1": "common" }, ...versions);
    expect(chosen(store, "/a/1", { session: ANN })).toEqual(["v1", "v2", "common", "v3"]);
    const own = withCommon({ "/a/1": "common" }, ...versions, ["/a/1", "own", ANNS]);
    expect(chosen(own, "/a/1", { session: ANN })).toEqual(["v1", "v2", "v3", "own"]);
  });

  it("offers none under `url`, nor where the operator wants none, nor to a peer that lacks it", () => {
    const store = withCommon({ "/a/1": "common" });
    const wants: Partial<BasesWanted>[] = [
      { bases: "url", commonBases: false },
      { commonBases: false },
      { peerStore: "another's store." as StoreId },
    ];
    expect(wants.map((more) => chosen(store, "/a/1", more))).toEqual([[], [], []]);
  });
});
