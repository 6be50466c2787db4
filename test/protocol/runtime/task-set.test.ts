import { expect, it } from "vitest";
import { TaskSet } from "../../../protocol/runtime/task-set.ts";
import { settle } from "../../kit/fake-clock.ts";

it("is over when each work is, and not before", async () => {
  const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const works = new TaskSet();
  works.add(one.promise);
  works.add(other.promise);
  let over = false;
  const waiting = works.over().then(() => {
    over = true;
  });
  one.resolve();
  await settle();
  expect(over).toBe(false);
  other.resolve();
  await waiting;
  await works.over();
});
