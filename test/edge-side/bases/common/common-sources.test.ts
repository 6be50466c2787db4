/** Versions of different people: one each, the newest, still held; and none of people that were forgotten. */
import { expect, it } from "vitest";
import { CommonSources, MOST_SESSIONS } from "../../../../edge-side/bases/common/common-sources.ts";
import { MOST_SOURCES } from "../../../../edge-side/bases/common/shared-runs.ts";
import { VisitorIdentities } from "../../../../edge-side/bases/common/visitor-identity.ts";
import type { SessionKey } from "../../../../protocol/scope/credentials.ts";
import type { Fingerprint } from "../../../../protocol/store/fingerprint.ts";

const gathered = (identities = new VisitorIdentities()) => {
  const sources = new CommonSources();
  return {
    identities,
    add: (session: string, page: string, marks: readonly string[] = [session]) =>
      sources.add(
        { session: session as SessionKey, fingerprint: page as Fingerprint, retention: "session" },
        identities,
        () => marks,
      ),
    pages: (held: (page: string) => boolean = () => true) =>
      sources.ofIdentities(identities, held).map(({ fingerprint }) => fingerprint as string),
  };
};

it("are the newest of each session, the newest first", () => {
  const { add, pages } = gathered();
  add("ann", "a1");
  add("bob", "b1");
  add("ann", "a2");
  expect(pages()).toEqual(["a2", "b1"]);
});

it("are one of a person with two sessions, also where that turns out later", () => {
  const { add, pages, identities } = gathered();
  add("ann", "a1");
  add("ann's other", "a2");
  add("bob", "b1");
  expect(pages()).toEqual(["b1", "a2", "a1"]);
  identities.of(["ann", "ann's other"]);
  expect(pages()).toEqual(["b1", "a2"]);
});

it("are older ones of a person where the newest is not held any more", () => {
  const { add, pages } = gathered();
  add("ann", "a1", ["ann"]);
  add("ann again", "a2", ["ann"]);
  expect(pages((page) => page !== "a2")).toEqual(["a1"]);
});

it("are none of who shows nothing that tells people apart", () => {
  const { add, pages } = gathered();
  add("ann", "a1", []);
  expect(pages()).toEqual([]);
});

it("are bounded, the newest staying", () => {
  const { add, pages } = gathered();
  for (let at = 0; at < MOST_SESSIONS + 5; at++) add(`s${at}`, `p${at}`);
  expect(pages()).toHaveLength(MOST_SOURCES);
  expect(pages()[0]).toBe(`p${MOST_SESSIONS + 4}`);
  expect(pages((page) => page === "p4")).toEqual([]);
  expect(pages((page) => page === "p5")).toEqual(["p5"]);
});

it("asks for marks of new sessions only", () => {
  const { add, pages } = gathered();
  add("ann", "a1", ["ann"]);
  add("ann", "a2", ["somebody else"]);
  add("bob", "b1", ["somebody else"]);
  expect(pages()).toEqual(["b1", "a2"]);
});

it("are forgotten with the people, so that nobody becomes two", () => {
  const { add, pages } = gathered(new VisitorIdentities(2));
  add("ann", "a1");
  add("bob", "b1");
  add("ann with a new cookie", "a2");
  expect(pages()).toEqual(["a2"]);
});
