import { describe, expect, it } from "vitest";
import { LinkPool } from "../../../edge-side/links/link-pool.ts";
import type { Link } from "../../../protocol/link/link-api.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/silent-log.ts";

interface Fake {
  keyId?: string;
  store?: string;
  load?: number;
  accepts?: boolean;
  streams?: number;
}

const linkOf = ({ keyId = "k", store = "s", load = 0, accepts = true, streams = 1 }: Fake = {}): Link =>
  ({ keyId, accepts, load, peer: { storeId: store, streams } }) as unknown as Link;

const missed: string[] = [];
const limits: object[] = [];

const poolOf = (...links: readonly Link[]): LinkPool => {
  missed.length = 0;
  limits.length = 0;
  const pool = new LinkPool({
    clock: new FakeClock(),
    hosts: {
      serves: (keyId, host) => host === "b.example" || (keyId === "k" && host === "a.example"),
      mayHold: (keyId) => keyId === "k",
      weightOf: (keyId) => (keyId === "heavy" ? 3 : 1),
    },
    log: {
      ...silentLog,
      warn: (event, fields = {}) =>
        event === "no link" ? missed.push(String(fields.host)) : limits.push({ event, ...fields }),
    },
  });
  for (const link of links) pool.add(link);
  return pool;
};

const NONE: ReadonlySet<Link> = new Set();
const page = (host: string, template = "html /*") => ({ host, template });

describe("the link for a page", () => {
  it("is one whose key serves the host", () => {
    const [mine, other] = [linkOf(), linkOf({ keyId: "k2" })];
    const pool = poolOf(other, mine);
    expect(pool.linkFor(page("a.example"), NONE)).toBe(mine);
    expect(pool.linksOf("b.example")).toEqual([other, mine]);
    expect(pool.linkFor(page("c.example"), NONE)).toBeUndefined();
  });

  it("is missed once for each host, and again when a link that came did not help", () => {
    const pool = poolOf(linkOf({ keyId: "k2" }));
    for (const host of ["a.example", "a.example", "b.example", "c.example"]) pool.linkFor(page(host), NONE);
    expect(missed).toEqual(["a.example", "c.example"]);
    pool.add(linkOf({ keyId: "k2" }));
    pool.linkFor(page("a.example"), NONE);
    expect(missed).toEqual(["a.example", "c.example", "a.example"]);
  });

  it("takes new streams, and has not failed this visit", () => {
    const [draining, failed, good] = [linkOf({ accepts: false }), linkOf(), linkOf()];
    const pool = poolOf(draining, failed, good);
    expect(pool.linkFor(page("a.example"), new Set([failed]))).toBe(good);
    expect(pool.linkFor(page("a.example"), new Set([failed, good]))).toBeUndefined();
  });

  it("is of a store by the weight of its key", () => {
    const links = [linkOf({ store: "s1" }), linkOf({ store: "s2", keyId: "heavy" })];
    const pool = poolOf(...links);
    const picked = Array.from({ length: 2_000 }, (_, i) =>
      pool.linkFor(page("b.example", `html /${i}/*`), NONE),
    );
    const share = picked.filter((link) => link === links[1]).length / picked.length;
    expect(share).toBeGreaterThan(0.72);
    expect(share).toBeLessThan(0.78);
  });

  it("is of another store where all links of the page's own are busy beyond its part", () => {
    const find = (loads: readonly [number, number, number]) => {
      const links = loads.map((load, i) => linkOf({ load, store: i === 2 ? "s2" : "s1" }));
      return poolOf(...links).linkFor(page("a.example"), NONE)?.peer.storeId;
    };
    const home = find([0, 0, 0]);
    expect(home).toBe("s1");
    expect([find([8, 7, 0]), find([8, 8, 0]), find([90, 90, 150]), find([90, 90, 100])]).toEqual([
      "s1",
      "s2",
      "s1",
      "s2",
    ]);
  });

  it("is the least busy of those to one store", () => {
    const [busy, idle] = [linkOf({ load: 2 }), linkOf({ load: 1 })];
    expect(poolOf(busy, idle).linkFor(page("a.example"), NONE)).toBe(idle);
  });

  it("of one template always goes to the same store, however busy, and other templates go to others", () => {
    const links = ["s1", "s2", "s3"].map((store, load) => linkOf({ store, load }));
    const pool = poolOf(...links);
    const chosen = Array.from({ length: 60 }, (_, i) =>
      pool.linkFor(page("a.example", `html /${i}/*`), NONE),
    );
    const reversed = poolOf(...links.toReversed());
    for (const [i, link] of chosen.entries())
      expect(reversed.linkFor(page("a.example", `html /${i}/*`), NONE)).toBe(link);
    expect(new Set(chosen).size).toBe(3);
  });

  it("is another when its store is gone", () => {
    const links = ["s1", "s2"].map((store) => linkOf({ store }));
    const pool = poolOf(...links);
    const first = pool.linkFor(page("a.example"), NONE);
    if (first === undefined) throw new Error("no link");
    pool.remove(first);
    expect(pool.linkFor(page("a.example"), NONE)).toBe(links.find((link) => link !== first));
    expect(pool.links.size).toBe(1);
  });
});

it("a host whose link has as many streams as it may have is told as a limit, and no other host", () => {
  const link: Link & { load: number } = Object.assign(linkOf({ streams: 2 }), { load: 1 });
  const pool = poolOf(link);
  expect([pool.isFull("a.example"), limits]).toEqual([false, []]);
  link.load = 2;
  expect([pool.isFull("c.example"), limits]).toEqual([false, []]);
  expect(pool.isFull("a.example")).toBe(true);
  expect(limits).toEqual([{ event: "limit reached", limit: "limits.streamsPerLink", host: "a.example" }]);
});
