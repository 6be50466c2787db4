import { describe, expect, it } from "vitest";
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import {
  KEPT_PER_TEMPLATE,
  KEPT_PER_URL,
  PageIndex,
  type Place,
  type ScopeKey,
} from "../../../protocol/store/page-index.ts";
import { Differences } from "../../kit/differences.ts";
import { seeded } from "../../kit/random.ts";

class Named {
  places: Place<Named>[] = [];
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const ANN = "ann's session..." as SessionKey;
const BOB = "bob's session..." as SessionKey;
const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);
const versions = (count: number) => numbers(count).map((number) => new Named(`v${number}`));
const page = (
  url: string,
  scopeKey: ScopeKey = "public",
  templates: readonly string[] = ["html /*", "html **"],
) => ({ scopeKey, url, templates });
const found = (index: PageIndex<Named>, key: string, scopeKey: ScopeKey = "public") =>
  index.find(scopeKey, key).map(({ version }) => version.name);

describe("PageIndex", () => {
  it("keeps the newest versions of a URL, newest last", () => {
    const index = new PageIndex<Named>();
    const all = versions(KEPT_PER_URL + 1);
    for (const version of all.slice(0, KEPT_PER_URL)) expect(index.place(version, page("/a"))).toEqual([]);
    expect(found(index, "/a")).toEqual(["v0", "v1", "v2", "v3"]);
    expect(index.place(all[KEPT_PER_URL] as Named, page("/a"))).toEqual([all[0]]);
    expect(found(index, "/a")).toEqual(["v1", "v2", "v3", "v4"]);
  });

  it("makes a version that is seen again the newest", () => {
    const index = new PageIndex<Named>();
    const [a, b] = versions(2) as [Named, Named];
    for (const version of [a, b, a, a]) index.place(version, page("/a"));
    expect(found(index, "/a")).toEqual(["v1", "v0"]);
    expect(found(index, "html **")).toEqual(["v0"]);
    expect(a.places).toHaveLength(1);
  });

  it("keeps the newest version of each of the newest pages of a template", () => {
    const index = new PageIndex<Named>();
    const pages = versions(KEPT_PER_TEMPLATE + 1);
    for (const [number, version] of pages.entries()) index.place(version, page(`/${number}`));
    const kept = pages.slice(1).map(({ name }) => name);
    expect(found(index, "html **")).toEqual(kept);
    const again = new Named("again");
    expect(index.place(again, page("/3"))).toEqual([]);
    expect(found(index, "html **")).toEqual([...kept.filter((name) => name !== "v3"), "again"]);
    expect(found(index, "/0")).toEqual(["v0"]);
  });

  it("does not let one audience push out another's", () => {
    const index = new PageIndex<Named>();
    index.place(new Named("ann's"), page("/a", ANN));
    for (const version of versions(100)) index.place(version, page("/a", BOB));
    expect(found(index, "/a", ANN)).toEqual(["ann's"]);
    expect(found(index, "html **", ANN)).toEqual(["ann's"]);
    expect(found(index, "/a")).toEqual([]);
  });

  it("reports a version only when no list names it, whatever the audience", () => {
    const index = new PageIndex<Named>();
    const shared = new Named("shared");
    index.place(shared, page("/a", ANN));
    index.place(shared, page("/a", BOB));
    const left = (scopeKey: ScopeKey) =>
      versions(KEPT_PER_URL).flatMap((version) => index.place(version, page("/a", scopeKey)));
    expect(left(ANN)).toEqual([]);
    expect(left(BOB)).toEqual([shared]);
  });

  it("keeps keys apart from the text they were cut from", () => {
    const index = new PageIndex<Named>();
    const url = "/caf\u00e9?q=\u20ac";
    index.place(new Named("v"), page(url));
    expect(found(index, url)).toEqual(["v"]);
  });

  it("has nothing left when every version is removed", () => {
    const random = seeded();
    const index = new PageIndex<Named>();
    const alive = new Set<Named>();
    const differences = new Differences();
    for (let step = 0; step < 3_000; step++) {
      const version = alive.size > 0 && random.chance(0.4) ? random.pick([...alive]) : new Named(`v${step}`);
      if (random.chance(0.2) && alive.has(version)) {
        index.remove(version);
        alive.delete(version);
        differences.check(version.places.length, 0, step);
        continue;
      }
      alive.add(version);
      const at = page(`/${random.int(0, 9)}`, random.pick<ScopeKey>(["public", ANN, BOB]), [
        `html /${random.int(0, 2)}`,
        "html **",
      ]);
      for (const unlisted of index.place(version, at)) {
        differences.check(unlisted.places.length, 0, step);
        alive.delete(unlisted);
      }
      // Each version stands exactly where its places say.
      const standing = [...alive].flatMap(({ places }) => places.flatMap(({ lists }) => lists));
      differences.check(index.sizes.entries, standing.length, step);
      differences.check(index.sizes.lists, new Set(standing).size, step);
      for (const { places } of alive)
        for (const place of places) differences.check(place.lists.length > 0, true, step);
    }
    expect(differences.found).toEqual([]);
    for (const version of alive) index.remove(version);
    expect(index.sizes).toEqual({ scopeKeys: 0, lists: 0, entries: 0 });
  });
});
