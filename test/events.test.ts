import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { EVENTS, eventsPage } from "../docs/events.ts";

const ROOT = join(import.meta.dirname, "..");
const sources = ["edge-side", "origin-side", "protocol"].flatMap((side) =>
  readdirSync(join(ROOT, side), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(side, name)),
);
/** They pass on what others say. */
const PASSING = /^protocol\/daemon\/(?:log|bounded-log|limit-log|recent-events)\.ts$/;

const logged = sources.flatMap((name) =>
  [
    ...readFileSync(join(ROOT, name), "utf8").matchAll(
      /[lL]og(?:\?)?\.(debug|info|warn|error)\(\s*("[^"]*")?/g,
    ),
  ].flatMap(([, level = "", event]) => {
    if (event !== undefined) return `${level} ${event.replaceAll('"', "")}`;
    return PASSING.test(name) ? [] : `${level} not a phrase, in ${name}`;
  }),
);

it("every event that the daemons log is in the list at its level, and the list has no other", () => {
  const listed = Object.entries(EVENTS).flatMap(([event, { levels }]) =>
    levels.map((level) => `${level} ${event}`),
  );
  expect([...new Set([...logged, ...viaLevel])].sort()).toEqual(listed.sort());
  expect(logged.length).toBeGreaterThan(50);
});

/** Where the level depends on what happened: `log[…]("event"`. */
const viaLevel = sources
  .filter((name) => !PASSING.test(name))
  .flatMap((name) =>
    [...readFileSync(join(ROOT, name), "utf8").matchAll(/[lL]og\[[^\]]*\]\(\s*"([^"]*)"/g)].flatMap(
      ([, event = ""]) => (EVENTS[event]?.levels ?? ["not listed:"]).map((level) => `${level} ${event}`),
    ),
  );

it("docs/events.md is the list", () => {
  expect(readFileSync(join(ROOT, "docs/events.md"), "utf8")).toBe(eventsPage());
});
