/** A file of versions whose writer is killed at any moment: 20 kills here, 200 by `npm run bench -- kills`. */
import { expect, it } from "vitest";
import { killAgainAndAgain } from "../../../bench/restart/kills.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { seeded } from "../../kit/random.ts";
import { benchProgram } from "../../kit/run-command.ts";

it("opens again, with nothing wrong and nothing missing that was put a second before", async () => {
  const random = seeded();
  let kill = 0;
  // One late enough that something was put more than a second before.
  const chance = () => (kill++ === 10 ? 0.95 : random.next() * 0.15);
  const options = {
    count: 20,
    versions: 500,
    clock: systemClock,
    chance,
    writer: benchProgram("kill-writer"),
  };
  expect(await killAgainAndAgain(options)).toMatchObject({ kills: 20, wrong: 0, missing: 0 });
}, 120_000);
