// Steps on bases that no encoder writes and a reader knows, told by hand: SPEC section "Mixed".
import { describe, expect, it } from "vitest";
import { MIXED_ADDED_BYTES, MIXED_STEPS, unmixedPage } from "../../../protocol/mixing/mixed-page.ts";
import { Mixer, NUMBER } from "../../../protocol/mixing/mixer.ts";

const BASES = ["other", "0123456789abcdefghij"].map((text) => Buffer.from(text));
const LIMIT = { pageBytes: 1 << 20 };

/** How far from where it is expected a run begins; undefined: nothing is copied. */
type Told = readonly [add: number, copy: number, off?: number];

const told = (steps: readonly Told[], count = steps.length): Buffer => {
  const mixer = Mixer.get();
  mixer.beginWriting();
  mixer.number(NUMBER.steps, count);
  for (const [add, copy, off] of steps) {
    mixer.number(NUMBER.add, add);
    mixer.number(NUMBER.copy, copy);
    if (off === undefined) continue;
    mixer.bit(NUMBER.place, 0, off === 0 ? 1 : 0);
    if (off < 0) {
      mixer.bit(NUMBER.place, 1, 1);
      mixer.number(NUMBER.behind, -off - 1);
    } else if (off > 0) {
      mixer.bit(NUMBER.place, 1, 0);
      mixer.number(NUMBER.ahead, off - 1);
    }
  }
  return mixer.finish() ?? Buffer.alloc(0);
};

const read = async (steps: readonly Told[], count?: number, limit = LIMIT): Promise<string | undefined> =>
  (await unmixedPage(BASES, told(steps, count), limit))?.toString("latin1");

describe("a run", () => {
  it("is expected where the best base begins, and then where the one before ended, as much further as is added", async () => {
    const page = await read([
      [0, 3, 0],
      [2, 1, 0],
      [0, 2, 1],
      [0, 2, -9],
    ]);
    // What is added is read as far as nothing tells it.
    expect(page?.replace(page.slice(3, 5), "..")).toBe("012..57801");
  });

  it("that copies nothing leaves where the one before ended as it is", async () => {
    const page = await read([
      [0, 4, 0],
      [1, 0],
      [1, 3, 0],
    ]);
    expect([page?.slice(0, 4), page?.slice(6)]).toEqual(["0123", "567"]);
  });

  it("is within the bases, whichever of them it is in", async () => {
    expect(await read([[0, 25, -5]])).toBe("other0123456789abcdefghij");
    expect(await read([[0, 1, -6]])).toBeUndefined();
    expect(await read([[0, 26, -5]])).toBeUndefined();
    expect(await read([[0, 1, 19]])).toBe("j");
    expect(await read([[0, 1, 20]])).toBeUndefined();
  });
});

describe("what nobody writes makes no page", () => {
  const TOO_MANY = 2 ** 26 - 1;

  it.each<[string, readonly Told[], number?]>([
    ["so many added that no number tells them", [[TOO_MANY, 3, 0]]],
    ["so many copied that no number tells them", [[3, TOO_MANY, 0]]],
    ["so far behind that no number tells it", [[0, 3, -TOO_MANY - 1]]],
    ["so far ahead that no number tells it", [[0, 3, TOO_MANY + 1]]],
    ["so many steps that no number tells them", [], TOO_MANY],
    ["more added than may be", [[MIXED_ADDED_BYTES + 1, 0]]],
    ["more steps than may be", Array.from({ length: MIXED_STEPS + 1 }, (): Told => [0, 0])],
  ])("%s", async (_, steps, count) => {
    expect(await read(steps, count)).toBeUndefined();
  });

  it("and as many steps as may be, of nothing, make an empty one", async () => {
    expect(await read(Array.from({ length: MIXED_STEPS }, (): Told => [0, 0]))).toBe("");
  });

  it("more than the page may have, added and copied together", async () => {
    const steps: readonly Told[] = [[2, 6, 0]];
    expect((await read(steps, 1, { pageBytes: 8 }))?.length).toBe(8);
    expect(await read(steps, 1, { pageBytes: 7 })).toBeUndefined();
  });
});
