/** bench/pair/consumption.ts: what /proc says, read right. */
import { expect, it } from "vitest";
import { cpuMsIn, memoryIn, throwUnlessLinux } from "../../../bench/pair/consumption.ts";

const after = (name: string) =>
  `4711 (${name}) S 1 4711 4711 0 -1 4194304 5000 0 3 0 123 45 7 8 20 0 11 0 99 1 2 3`;

it.each(["node", "a (b) c", "odd) 1 2 3 ("])("adds user and system time of a program named %s", (name) => {
  expect(cpuMsIn(after(name))).toBe(1_680);
});

it("reads resident memory, now and at its peak", () => {
  const status = "Name:\tnode\nVmPeak:\t 900000 kB\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
  expect(memoryIn(status)).toEqual({ residentBytes: 2 ** 20, peakBytes: 2 ** 21 });
});

it("says what is missing rather than giving a wrong figure", () => {
  expect(() => cpuMsIn("nothing")).toThrow("no CPU times");
  expect(() => memoryIn("VmRSS:\t1 kB\n")).toThrow("no VmHWM");
});

it("says where to run it instead", () => {
  expect(() => throwUnlessLinux("darwin")).toThrow("darwin does not have: run this on Linux");
  expect(() => throwUnlessLinux("linux")).not.toThrow();
});
