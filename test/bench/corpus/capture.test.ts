/** bench/corpus/capture.ts and the visits that a replay makes of it: what was recorded, in its order and with its pauses. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readCapture } from "../../../bench/corpus/capture.ts";
import { visitsOfCapture } from "../../../bench/replay/planned-visits.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "capture-test-"));
  mkdirSync(join(folder, "bodies"));
  writeFileSync(join(folder, "bodies", "a1"), "a page");
});
afterEach(() => rmSync(folder, { recursive: true }));

const FIRST = {
  at: 40,
  session: "user-1",
  network: "192.0.2.1",
  path: "/",
  cookie: "",
  status: 200,
  head: [["Content-Type", "text/html"]],
  body: "a1",
};
const write = (manifest: unknown) => writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
const captureOf = (...visits: readonly object[]) => write({ app: "wiki", host: "127.0.0.1:8102", visits });

it("keeps order, pauses, cookies, networks, heads and statuses", () => {
  captureOf(FIRST, {
    ...FIRST,
    at: 1040,
    session: "user-2",
    network: "2001:db8::7",
    cookie: "s=1",
    status: 403,
  });
  const capture = readCapture(folder);
  if (capture === undefined) throw new Error("not taken for a capture");
  const [first, second] = visitsOfCapture(capture);
  expect(first).toMatchObject({
    family: { name: "user-1", kind: "session" },
    pauseMs: 0,
    status: 200,
    counted: true,
  });
  expect(first?.visit).toEqual({
    host: "127.0.0.1:8102",
    path: "/",
    contentType: "text/html",
    network: "192.0.2.1",
  });
  expect(second).toMatchObject({
    family: { name: "user-2" },
    pauseMs: 1000,
    status: 403,
    visit: { cookie: "s=1", network: "2001:db8::7" },
  });
  expect(second?.response()).toEqual({ head: FIRST.head, body: Buffer.from("a page") });
});

it("leaves the manifest of a corpus alone", () => {
  write([]);
  expect(readCapture(folder)).toBeUndefined();
});

it.each([
  { name: "a body that is not there", visit: { ...FIRST, body: "b2" }, says: "bodies/b2: no such file" },
  { name: "a body outside the folder", visit: { ...FIRST, body: "../x" }, says: "visits[0].body: must name" },
  { name: "a network that is no address", visit: { ...FIRST, network: "home" }, says: "visits[0].network" },
  { name: "a path that is no target", visit: { ...FIRST, path: "x" }, says: "visits[0].path: must be" },
])("refuses $name, and says where it is", ({ visit, says }) => {
  captureOf(visit);
  expect(() => readCapture(folder)).toThrow(says);
});
