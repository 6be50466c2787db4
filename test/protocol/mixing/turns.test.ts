// Work in slices: one piece after the other, by one tool, whatever becomes of those before.
import { expect, it } from "vitest";
import { atOnce, OneAfterTheOther, type Slices } from "../../../protocol/mixing/turns.ts";

const row = () => {
  const said: string[] = [];
  let made = 0;
  const tools = new OneAfterTheOther(() => ({ number: ++made }));
  const work = (name: string, slices = 2) =>
    function* ({ number }: { readonly number: number }): Slices<string> {
      for (let slice = 1; slice <= slices; slice++) {
        said.push(`${name}${slice}`);
        yield "turn";
      }
      return `${name} by ${number}`;
    };
  return { said, tools, work };
};

it("the next piece begins when the one before is done, with its tool", async () => {
  const { said, tools, work } = row();
  const first = tools.do(work("a"));
  expect(tools.isBusy).toBe(true);
  const all = [first, tools.do(work("b", 1)), tools.do(work("c"))];
  expect([tools.waiting, tools.isBusy]).toEqual([3, true]);
  expect(await Promise.all(all)).toEqual(["a by 1", "b by 1", "c by 1"]);
  expect(said).toEqual(["a1", "a2", "b1", "c1", "c2"]);
  expect([tools.waiting, tools.isBusy]).toEqual([0, false]);
});

it("one that fails, or that nobody waits for any more, gives its tool and its place to the next", async () => {
  const { said, tools, work } = row();
  const broken = new Error("broken");
  const left = new Error("left");
  const throwing = (error: Error) => () => {
    throw error;
  };
  const all = await Promise.allSettled([
    tools.do(throwing(broken)),
    tools.do(work("a"), throwing(left)),
    tools.inRow(async () => throwing(broken)()),
    tools.do(work("b")),
  ]);
  expect(all.map((each) => (each.status === "rejected" ? each.reason : each.value))).toEqual([
    broken,
    left,
    broken,
    "b by 1",
  ]);
  expect([said, tools.isBusy]).toEqual([["b1", "b2"], false]);
});

it("what is done beside the row has a tool of its own as long as it keeps it", async () => {
  const { tools, work } = row();
  const beside = tools.take();
  expect([beside.number, await tools.do(work("a"))]).toEqual([1, "a by 2"]);
  tools.give(beside);
  expect([tools.take().number, tools.take().number, tools.take().number]).toEqual([1, 2, 3]);
});

it("all of it at once is all of it", () => {
  const { said, work } = row();
  expect(atOnce(work("a", 3)({ number: 0 }))).toBe("a by 0");
  expect(said).toEqual(["a1", "a2", "a3"]);
});
