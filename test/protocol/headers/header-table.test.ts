import { describe, expect, it } from "vitest";
import { ENTRY_OVERHEAD_BYTES, HeaderTable, LookupTable } from "../../../protocol/headers/header-table.ts";
import { Differences } from "../../kit/differences.ts";
import { seeded } from "../../kit/random.ts";

const COST = ENTRY_OVERHEAD_BYTES + 2;

describe("a header table", () => {
  it("counts from the newest entry", () => {
    const table = new HeaderTable(1000);
    table.insert("a", "1");
    table.insert("b", "2");
    expect([table.at(0), table.at(1)]).toEqual([
      { name: "b", value: "2" },
      { name: "a", value: "1" },
    ]);
  });

  it.each([0, 1, 2, 1e6, Number.MAX_SAFE_INTEGER, -1])(
    "has no entry %d when it holds nothing but what is gone",
    (index) => {
      const table = new HeaderTable(COST);
      table.insert("aa", "11");
      expect(() => table.at(index)).toThrow(expect.objectContaining({ code: "header-table" }));
      expect(table.inserted).toBe(1);
    },
  );

  it("an entry larger than the table empties it", () => {
    const table = new HeaderTable(3 * COST);
    table.insert("a", "1");
    table.insert("b", "v".repeat(3 * COST));
    table.insert("c", "3");
    expect(table.at(0).name).toBe("c");
    expect(() => table.at(1)).toThrow();
  });

  it("keeps as many entries as fit, over thousands of inserts", () => {
    const table = new HeaderTable(10 * COST);
    for (let i = 0; i < 5000; i++) table.insert("n", String(i % 10));
    expect(table.at(9).value).toBe("0");
    expect(() => table.at(10)).toThrow();
    expect(table.inserted).toBe(5000);
  });
});

describe("a table that finds", () => {
  it("finds nothing that was dropped, and everything that was not, as an array would", () => {
    const random = seeded();
    const table = new LookupTable(20 * COST);
    const all: { name: string; value: string }[] = [];
    const differences = new Differences();
    for (let i = 0; i < 5000; i++) {
      const field = { name: String(random.int(0, 9)), value: String(random.int(0, 9)) };
      all.unshift(field);
      table.insert(field.name, field.value);
      const kept = all.slice(0, 20);
      const name = String(random.int(0, 9));
      const value = String(random.int(0, 9));
      const at = kept.findIndex((each) => each.name === name && each.value === value);
      const named = kept.findIndex((each) => each.name === name);
      differences.check(table.find(name, value), at === -1 ? undefined : at, `${name}: ${value} at ${i}`);
      differences.check(table.findName(name), named === -1 ? undefined : named, `${name} at ${i}`);
    }
    expect(differences.found).toEqual([]);
  });

  it("does not take a name and a value for another name and value", () => {
    const table = new LookupTable(1000);
    table.insert("ab", "c");
    expect(table.find("a", "bc")).toBeUndefined();
    expect(table.find("ab", "c")).toBe(0);
  });
});
