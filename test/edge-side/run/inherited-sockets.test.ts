import { expect, it } from "vitest";
import { inheritedSockets } from "../../../edge-side/run/inherited-sockets.ts";

const passed = (names: string, over: Readonly<Record<string, string>> = {}) =>
  inheritedSockets(["visitors", "tunnel"], {
    pid: 7,
    env: {
      LISTEN_PID: "7",
      LISTEN_FDS: String(names.split(":").length),
      LISTEN_FDNAMES: names,
      ...over,
    },
  });

it.each([
  ["visitors:tunnel:visitors", {}, { visitors: [3, 5], tunnel: [4] }],
  ["tunnel", {}, { visitors: [], tunnel: [3] }],
  // Meant for a parent of this process.
  ["visitors", { LISTEN_PID: "8" }, { visitors: [], tunnel: [] }],
])("sockets named %s %j are %j", (names, over, found) => {
  expect(passed(names, over)).toEqual(found);
});

it("without any, there are none", () => {
  expect(inheritedSockets(["tunnel"], { pid: 7, env: {} })).toEqual({ tunnel: [] });
});

it("a socket whose name means nothing is refused, with what to write", () => {
  expect(() => passed("visitors:admin")).toThrow(
    /under the name "admin"; give each \.socket unit FileDescriptorName=visitors or tunnel/,
  );
});
