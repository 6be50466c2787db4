/** Who is the same person, by what they showed; and that forgetting makes nobody two. */
import { expect, it } from "vitest";
import {
  type Person,
  rootOf,
  VisitorIdentities,
} from "../../../../edge-side/bases/common/visitor-identity.ts";

const same = (a: Person | undefined, b: Person | undefined): boolean =>
  a !== undefined && b !== undefined && rootOf(a) === rootOf(b);

it("who shows a mark that was shown before is who showed it", () => {
  const identities = new VisitorIdentities();
  const [ann, again, bob] = [identities.of(["a1", "a2"]), identities.of(["a2", "a3"]), identities.of(["b1"])];
  expect([same(ann, again), same(ann, bob)]).toEqual([true, false]);
});

it("two who turn out to be one are one, also who was told apart before", () => {
  const identities = new VisitorIdentities();
  const chain = Array.from({ length: 50 }, (_, at) => identities.of([`m${at}`]));
  for (let at = 49; at > 0; at--) identities.of([`m${at}`, `m${at - 1}`]);
  expect(chain.every((person) => same(person, chain[0]))).toBe(true);
});

it("who shows nothing is nobody", () => expect(new VisitorIdentities().of([])).toBeUndefined());

it("forgets all when there is no room, and says so", () => {
  const identities = new VisitorIdentities(4);
  identities.of(["a1", "a2"]);
  identities.of(["b1", "b2"]);
  expect(identities.epoch).toBe(0);
  identities.of(["c1"]);
  expect(identities.epoch).toBe(1);
});
