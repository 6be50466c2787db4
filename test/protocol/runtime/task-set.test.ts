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

it("waits for what is added meanwhile, too, and is over anew for what comes later", async () => {
  const promise = () => Promise.withResolvers<void>();
  const [one, other, third] = [promise(), promise(), promise()];
  const works = new TaskSet();
  works.add(one.promise);
  let over = 0;
  void works.over().then(() => over++);
  works.add(other.promise);
  one.resolve();
  await settle();
  expect(over).toBe(0);
  other.resolve();
  await settle();
  expect(over).toBe(1);
  works.add(third.promise);
  void works.over().then(() => over++);
  await settle();
  expect(over).toBe(1);
  third.resolve();
  await settle();
  expect(over).toBe(2);
});
