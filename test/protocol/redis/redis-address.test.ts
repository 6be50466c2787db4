/** Addresses of Redis: each form, what is refused, and that no text of one shows who connects or with which password. */
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { credentialsOf, parseRedisAddress, RedisUrl } from "../../../protocol/redis/redis-address.ts";
import { Complaint } from "../../../protocol/runtime/user-error.ts";

const SECRET = "s3cret-word";

it.each([
  ["redis://10.0.0.9", { kind: "server", isTls: false }],
  ["rediss://10.0.0.9:6390/2", { kind: "server", isTls: true }],
  ["redis://[::1]:6379", { kind: "server", isTls: false }],
  ["unix:///run/redis.sock?db=2", { kind: "server", url: "unix:///run/redis.sock?db=2" }],
  ["unix:/run/redis.sock", { kind: "server", url: "unix:///run/redis.sock" }],
  [
    "redis+sentinel://a,b:7000/main/3",
    {
      kind: "sentinel",
      isTls: false,
      name: "main",
      database: 3,
      nodes: [
        { host: "a", port: 26379 },
        { host: "b", port: 7000 },
      ],
    },
  ],
  ["rediss+cluster://[::1]:7001", { kind: "cluster", isTls: true, nodes: [{ host: "::1", port: 7001 }] }],
] as const)("reads %s", (text, wanted) => {
  expect(parseRedisAddress(text)).toMatchObject(wanted);
});

it.each(["redis", "rediss+cluster", "redis+sentinel"])("reads user and password of %s", (scheme) => {
  const path = scheme.endsWith("sentinel") ? "/main" : "";
  const address = parseRedisAddress(`${scheme}://some%20one:p%40ss@host${path}`);
  expect(credentialsOf(address)).toEqual({ username: "some one", password: "p@ss" });
});

it.each([
  "",
  "10.0.0.9",
  `http://user:${SECRET}@host`,
  `redis://user:${SECRET}@`,
  `redis+cluster://user:${SECRET}@host/name`,
  `redis+sentinel://user:${SECRET}@host`,
  `redis+cluster://user:${SECRET}@host:70000`,
  `redis+cluster://user:%zz${SECRET}@host`,
])("refuses %s without showing it", (text) => {
  const refused = () => new RedisUrl(text);
  expect(refused).toThrow(Complaint);
  expect(refused).not.toThrow(SECRET);
});

it.each([
  `redis://user:${SECRET}@host:6380/1`,
  `rediss://:${SECRET}@host:6380`,
  `redis+sentinel://user:${SECRET}@host:6380/main`,
  `redis+cluster://user:${SECRET}@host:6380`,
  `unix://user:${SECRET}@/run/host:6380`,
])("shows %s without user and password, however it is printed", (text) => {
  const url = new RedisUrl(text);
  for (const shown of [`${url}`, JSON.stringify({ url }), inspect({ url }), inspect(url, { depth: 9 })]) {
    expect(shown).toContain("host:6380");
    expect(shown).not.toMatch(`${SECRET}|user`);
  }
  expect(url.reveal()).toBe(text);
});

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
