import { inspect } from "node:util";
import { expect, it } from "vitest";
import { RedisUrl } from "../../../protocol/redis/redis-address.ts";

it.each([
  ["redis://me:hidden@10.0.0.9:6380/1", "redis://10.0.0.9:6380/1"],
  ["rediss://:hid@hidden@10.0.0.9", "rediss://10.0.0.9"],
  ["unix://me:hidden@/run/redis.sock?db=2", "unix:///run/redis.sock"],
  ["redis+sentinel://me:hidden@a:1,b/main/3", "redis+sentinel://a:1,b/main/3"],
])("an address with a password is shown without it: %s", (text, shown) => {
  const url = new RedisUrl(text);
  expect(url.reveal()).toBe(text);
  for (const each of [`${url}`, JSON.parse(JSON.stringify(url)), inspect(url)]) expect(each).toBe(shown);
});
