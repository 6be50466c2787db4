import { beforeEach, describe, expect, it } from "vitest";
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import { type Fingerprint, fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import {
  KEPT_BODY_BYTES,
  NAMED_WITHIN_MS,
  REQUEST_LIFETIME_MS,
  RequestBodies,
  type RequestBodiesGiven,
  type RequestPlace,
  SWEEP_MS,
} from "../../../protocol/store/request-body-store.ts";
import { tenantOf } from "../../../protocol/store/tenant.ts";
import type { StoreId } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const tenant = tenantOf({ keyId: "k", host: "www.example.com" });
const PLACE: RequestPlace = { tenant, method: "PUT", target: "/d/1" };
const session = (name: string) => name.padEnd(16) as SessionKey;
const store = (name: string) => name.padEnd(16) as StoreId;

let clock: FakeClock;
let bodies: RequestBodies;
const start = (given: Partial<RequestBodiesGiven> = {}): void => {
  clock = new FakeClock();
  bodies = new RequestBodies({ clock, bytes: 1 << 20, ...given });
};
beforeEach(() => {
  start();
  return () => {
    bodies.close();
    expect([clock.timers, bodies.count, bodies.bytes, bodies.books]).toEqual([
      0,
      0,
      0,
      { places: 0, mortal: 0 },
    ]);
  };
});

const keep = (text: string, place = PLACE): Fingerprint => {
  const body = Buffer.from(text);
  const fingerprint = fingerprintOf(body);
  bodies.keep(place, body, fingerprint);
  return fingerprint;
};
const named = (text: string, place = PLACE) =>
  bodies.named(place, shortOf(fingerprintOf(Buffer.from(text))))?.body.toString();
const listed = (place = PLACE) => bodies.listed(place).map(({ body }) => body.toString());

describe("a body that is kept", () => {
  it("is found by its short fingerprint, and in the list of its place, the last used last", () => {
    for (const text of ["a", "b", "c"]) keep(text);
    expect([named("b"), named("d")]).toEqual(["b", undefined]);
    expect(listed()).toEqual(["a", "c", "b"]);
    keep("a");
    expect(listed()).toEqual(["c", "b", "a"]);
    expect(bodies.count).toBe(3);
  });

  it("is kept in a buffer of its own bytes", () => {
    const message = Buffer.from("before the body after");
    const body = message.subarray(7, 15);
    bodies.keep(PLACE, body, fingerprintOf(body));
    message.fill("x");
    const [held] = bodies.listed(PLACE);
    expect([held?.body.toString(), held?.body.buffer.byteLength]).toEqual(["the body", 8]);
  });

  const OTHERS: readonly (readonly [string, RequestPlace])[] = [
    ["another host's", { ...PLACE, tenant: tenantOf({ keyId: "k", host: "other.example.com" }) }],
    ["another key's", { ...PLACE, tenant: tenantOf({ keyId: "k2", host: "www.example.com" }) }],
    ["another method's", { ...PLACE, method: "POST" }],
    ["another URL's", { ...PLACE, target: "/d/2" }],
    ["another query's", { ...PLACE, target: "/d/1?v=2" }],
    ["a session's, to who has none", { ...PLACE, session: session("s1") }],
    ["another store's", { ...PLACE, peerStore: store("p1") }],
    ["one whose parts read alike", { ...PLACE, session: session("s1"), peerStore: store("p1") }],
    ["the other way round", { ...PLACE, session: session("p1"), peerStore: store("s1") }],
  ];
  it.each(OTHERS)("is not found as %s", (_, place) => {
    keep("text");
    expect([named("text", place), listed(place)]).toEqual([undefined, []]);
    keep("text", place);
    expect(bodies.count).toBe(2);
    expect(bodies.books.places).toBe(2);
  });

  it("gives way to another one of equal short form", () => {
    const one = keep("one");
    const other = (one.slice(0, 8) + "x".repeat(24)) as Fingerprint;
    bodies.keep(PLACE, Buffer.from("other"), other);
    expect(bodies.named(PLACE, shortOf(one))?.body.toString()).toBe("other");
    expect(bodies.count).toBe(1);
  });

  it("is gone once it was dropped, and nothing else is", () => {
    keep("a");
    keep("b");
    const [a] = bodies.listed(PLACE);
    if (a !== undefined) bodies.drop(PLACE, a);
    if (a !== undefined) bodies.drop(PLACE, a);
    expect(listed()).toEqual(["b"]);
  });
});

describe("bounds", () => {
  const chargeOf = (text: string): number => {
    const before = bodies.bytes;
    keep(text);
    return bodies.bytes - before;
  };

  it("charges bytes, the place and what is around them", () => {
    const charge = chargeOf("x".repeat(1000));
    expect(charge).toBeGreaterThan(1000 + KEPT_BODY_BYTES + tenant.length);
    expect(charge).toBeLessThan(1000 + KEPT_BODY_BYTES + tenant.length + 100);
  });

  it("holds as many as fit, and of one more lets go of the one unused for longest", () => {
    const charge = chargeOf("0");
    bodies.close();
    start({ bytes: 3 * charge });
    for (const text of ["1", "2", "3"]) keep(text);
    expect(bodies.bytes).toBe(bodies.maxBytes);
    named("1");
    keep("4");
    expect(listed()).toEqual(["3", "1", "4"]);
  });

  it("takes one that fills it, and not one of a byte more", () => {
    const around = chargeOf("0") - 1;
    bodies.close();
    start({ bytes: around + 100 });
    keep("x".repeat(101));
    expect(bodies.count).toBe(0);
    keep("x".repeat(100));
    expect(bodies.count).toBe(1);
  });

  it("keeps nothing where it may have no bytes", () => {
    start({ bytes: 0 });
    keep("a");
    expect(bodies.count).toBe(0);
  });

  it("holds no more than it may of one place, whatever others have", () => {
    start({ mostOfPlace: 2 });
    const other = { ...PLACE, target: "/d/2" };
    keep("0", other);
    for (const text of ["a", "b"]) keep(text);
    expect(listed()).toEqual(["a", "b"]);
    named("a");
    keep("c");
    expect([listed(), listed(other)]).toEqual([["a", "c"], ["0"]]);
  });
});

describe("in time", () => {
  it("a body is found until ten minutes after its last use, and not any more then", async () => {
    keep("a");
    await clock.advance(REQUEST_LIFETIME_MS);
    expect(named("a")).toBe("a");
    await clock.advance(REQUEST_LIFETIME_MS);
    expect(listed()).toEqual(["a"]);
    await clock.advance(1);
    expect([named("a"), listed()]).toEqual([undefined, []]);
  });

  it("it is gone from memory soon after, and no timer is left", async () => {
    keep("a");
    await clock.advance(REQUEST_LIFETIME_MS + SWEEP_MS);
    expect([bodies.count, bodies.books, clock.timers]).toEqual([0, { places: 0, mortal: 0 }, 0]);
  });

  it("one that is sent again after its end is a new one", async () => {
    keep("a");
    await clock.advance(REQUEST_LIFETIME_MS + 1);
    keep("a");
    expect([listed(), bodies.count]).toEqual([["a"], 1]);
  });

  it("what an edge names is younger than what an origin side holds", () => {
    expect(NAMED_WITHIN_MS).toBeLessThan(REQUEST_LIFETIME_MS);
  });
});

describe("forget", () => {
  const OTHER = tenantOf({ keyId: "k2", host: "www.example.com" });
  beforeEach(() => {
    keep("a");
    keep("b", { ...PLACE, method: "POST", session: session("s1") });
    keep("c", { ...PLACE, target: "/d/2" });
    keep("d", { ...PLACE, tenant: OTHER });
    keep("e", { ...PLACE, tenant: tenantOf({ keyId: "k", host: "other.example.com" }) });
  });

  it.each([
    ["a URL of a host, under every key, method and session", { host: "WWW.example.com:80" }, "/d/1", 3],
    ["a host", { host: "www.example.com" }, undefined, 4],
    ["a tenant", { tenant }, undefined, 3],
    ["a URL of a tenant", { tenant }, "/d/1", 2],
    ["a URL that nothing was sent to", { tenant }, "/d", 0],
    ["a host that nothing was sent to", { host: "example.com" }, undefined, 0],
  ] as const)("erases %s", (_, what, url, count) => {
    expect(bodies.forget(what, url)).toBe(count);
    expect(bodies.count).toBe(5 - count);
    expect(bodies.forget(what, url)).toBe(0);
  });
});
