// A key that a second program uses from an address that nobody expects.
import { expect, it } from "vitest";
import { KeySightings, type Sighting } from "../../../edge-side/links/key-sightings.ts";

const HOME: Sighting = { keyId: "k", instance: "first", address: "192.0.2.1" };
const ELSEWHERE: Sighting = { keyId: "k", instance: "second", address: "198.51.100.9" };

it.each([
  ["a second program from a new address", ELSEWHERE, { listed: false }, HOME.address],
  ["one from an address that is listed", ELSEWHERE, { listed: true }, undefined],
  ["one from the same address", { ...ELSEWHERE, address: HOME.address }, { listed: false }, undefined],
  ["the same program from a new address", { ...HOME, address: "198.51.100.9" }, { listed: false }, undefined],
  ["one with another key", { ...ELSEWHERE, keyId: "other" }, { listed: false }, undefined],
] as const)("%s", (_, one, { listed }, other) => {
  const sightings = new KeySightings();
  expect(sightings.surprising(HOME, { up: [], listed: false })).toBeUndefined();
  expect(sightings.surprising(one, { up: [HOME], listed })).toBe(other);
});

it("is told once of an address", () => {
  const sightings = new KeySightings();
  sightings.surprising(HOME, { up: [], listed: false });
  const told = [1, 2].map(() => sightings.surprising(ELSEWHERE, { up: [HOME], listed: false }));
  expect(told).toEqual([HOME.address, undefined]);
});
