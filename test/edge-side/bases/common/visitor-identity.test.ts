/** Who is the same person, by what they showed; and that forgetting makes nobody two. */
import { expect, it } from "vitest";
import { People, type Person, rootOf } from "../../../../edge-side/bases/common/visitor-identity.ts";

const same = (a: Person | undefined, b: Person | undefined): boolean =>
  a !== undefined && b !== undefined && rootOf(a) === rootOf(b);

it("who shows a mark that was shown before is who showed it", () => {
  const people = new People();
  const [ann, again, bob] = [people.of(["a1", "a2"]), people.of(["a2", "a3"]), people.of(["b1"])];
  expect([same(ann, again), same(ann, bob)]).toEqual([true, false]);
});

it("two who turn out to be one are one, also who was told apart before", () => {
  const people = new People();
  const chain = Array.from({ length: 50 }, (_, at) => people.of([`m${at}`]));
  for (let at = 49; at > 0; at--) people.of([`m${at}`, `m${at - 1}`]);
  expect(chain.every((person) => same(person, chain[0]))).toBe(true);
});

it("who shows nothing is nobody", () => expect(new People().of([])).toBeUndefined());

it("forgets all when there is no room, and says so", () => {
  const people = new People(4);
  people.of(["a1", "a2"]);
  people.of(["b1", "b2"]);
  expect(people.era).toBe(0);
  people.of(["c1"]);
  expect(people.era).toBe(1);
});
