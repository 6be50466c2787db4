import { expect, it } from "vitest";
import { checkMemory, edgeMemory } from "../../../protocol/daemon/memory-bound.ts";

const MIB = 2 ** 20;
const settings = {
  store: { sizeBytes: 256 * MIB },
  memory: { budgetBytes: 128 * MIB },
  limits: { headBytes: 64 * 1024 },
};

it("settings that take more memory than there is are a warning that says by how much", () => {
  expect(checkMemory(edgeMemory(settings), 1088 * MIB)).toMatchObject([{ outcome: "ok" }]);
  expect(checkMemory(edgeMemory(settings), 512 * MIB)).toMatchObject([
    {
      outcome: "warning",
      what: expect.stringMatching(/^memory: at most 1088 MiB .*has 512 MiB$/),
      advice: expect.stringMatching(/store\.size and memory\.budget by 576 MiB/),
    },
  ]);
});
