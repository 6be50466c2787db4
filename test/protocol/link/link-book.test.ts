/** What is shown of the links that are up. */
import { expect, it } from "vitest";
import type { Link } from "../../../protocol/link/link-api.ts";
import { LinkBook } from "../../../protocol/link/link-book.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

it("the peer's clock is told against ours as it is now, which may have been put right since the link came up", async () => {
  let wrongMs = -7_200_000;
  const clock = Object.assign(new FakeClock(), { today: () => 1e12 + clock.now() + wrongMs });
  const book = new LinkBook(clock);
  const vitals = { rttMs: 10, sentBytes: 0, receivedBytes: 0 };
  book.up({ peer: { today: 1e12 - 5 }, vitals } as unknown as Link);
  const ahead = () => book.states[0]?.clockAheadMs;
  expect(ahead()).toBe(7_200_005);
  await clock.advance(60_000);
  expect(ahead()).toBe(7_200_005);
  wrongMs = 0;
  expect([ahead(), book.states[0]?.upSeconds]).toEqual([5, 60]);
});
