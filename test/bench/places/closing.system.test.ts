import { expect, it } from "vitest";
import { measureClosing } from "../../../bench/places/closing.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

it("no POST meets a connection that its web server is just closing", async () => {
  const { signal } = new AbortController();
  expect(await measureClosing({ clock: systemClock, signal, rounds: 3 })).toMatchObject({
    posts: 60,
    failed: 0,
  });
});
