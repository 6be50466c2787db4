// V8 takes gigabytes of addresses for each memory, and a process may be allowed few: then nobody is told that pages are mixed, or all that they need is there.
import { afterEach, expect, it, vi } from "vitest";
import type { Mixer } from "../../../protocol/mixing/mixer.ts";

declare const WebAssembly: { readonly Instance: new (module: object) => object };

let copies = 0;

/** Of a module of its own, which has made none yet. */
const freshMixers = async (): Promise<typeof Mixer> => {
  const url = new URL(`../../../protocol/mixing/mixer.ts?room=${++copies}`, import.meta.url);
  return ((await import(url.href)) as typeof import("../../../protocol/mixing/mixer.ts")).Mixer;
};

afterEach(() => {
  vi.restoreAllMocks();
});

/** How many were made so far; more than `room` have none. */
const roomFor = (room: number) => {
  const { Instance } = WebAssembly;
  const made = { count: 0 };
  vi.spyOn(WebAssembly, "Instance").mockImplementation(
    class extends Instance {
      constructor(module: object) {
        if (made.count === room) throw new RangeError("no room for another memory");
        super(module);
        made.count++;
      }
    },
  );
  return made;
};

it.each([0, 1, 2])("nothing is mixed where there is room for %i of them", async (room) => {
  const Mixers = await freshMixers();
  roomFor(room);
  expect([Mixers.works, Mixers.works]).toEqual([false, false]);
});

it("where it works, one page at once and two in turns find room at any time", async () => {
  const Mixers = await freshMixers();
  const made = roomFor(3);
  expect(Mixers.works).toBe(true);
  const all = new Set([Mixers.get(), Mixers.another(), Mixers.another()]);
  expect([all.size, made.count]).toEqual([3, 3]);
  expect(() => Mixers.another()).toThrow(RangeError);
});
