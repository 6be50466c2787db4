/**
 * Private pages of different users on one URL, many at once, with deltas in use: each gets exactly its own, every time, and
 * what travels for one tells nothing of another's. SPEC section "Scope".
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, response } from "../kit/raw-requests.ts";

watchLeaks();

const USERS = 50;
const ROUNDS = 4;

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair({ edge: { memory: { budget: "128 MiB", perKey: "64 MiB" } } });
});
afterAll(() => pair[Symbol.asyncDispose]());

/** A user's page: a secret of its own among much that only this user's pages share, and the round. */
const pageFor = (user: string, round: string): Buffer =>
  Buffer.concat([
    pageOf(1000 + Number(user), `user ${user}, round ${round}`),
    Buffer.from(`<p>secret-of-${user}</p>`),
  ]);

/** How each user says who it is, and how the web server marks its page. */
const WAYS: readonly (readonly [string, (user: string) => string, readonly string[]])[] = [
  ["a session cookie", (user) => `Cookie: sid=${user}-0123456789abcdef`, []],
  ["Authorization", (user) => `Authorization: Bearer ${user}-0123456789abcdef`, ["Cache-Control: private"]],
  [
    "a cookie, among harmless ones",
    (user) => `Cookie: _ga=GA1.2; sid=${user}-fedcba9876543210; theme=dark`,
    ["Cache-Control: no-store"],
  ],
];

describe.each(WAYS)("fifty users at once on one URL, told apart by %s", (way, credential, said) => {
  it("each get exactly their own page, round after round, as deltas on their own", async () => {
    const target = `/account/${way.replaceAll(/\W+/g, "-")}`;
    pair.web.serve = (asked) => {
      const [, user = "", round = ""] =
        /(?:sid=|Bearer )(\d+)-.*\n.*X-Round: (\d+)/s.exec(asked.lines.join("\n")) ?? [];
      asked.answer(response(200, ["Content-Type: text/html", ...said], pageFor(user, round)));
    };
    const visitors = await Promise.all(Array.from({ length: USERS }, () => pair.visitor()));
    const wrong: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(
        visitors.map(async (visitor, user) => {
          visitor.send(GET(target, "Sec-Fetch-Site: none", credential(`${user}`), `X-Round: ${round}`));
          const got = await visitor.response();
          if (!got.body.equals(pageFor(`${user}`, `${round}`))) wrong.push(`${user} in round ${round}`);
        }),
      );
    }
    pair.web.serve = undefined;
    for (const visitor of visitors) visitor.end();
    expect(wrong).toEqual([]);
    const answers = await Promise.all(
      Array.from({ length: USERS * ROUNDS }, (_, i) => pair.visitOf(target, i + 1)),
    );
    // The first round has nothing to build on: no user's page is another's base.
    expect(answers.slice(0, USERS).filter(({ answer }) => answer !== "whole")).toEqual([]);
    const later = answers.slice(USERS);
    expect(later.filter(({ answer }) => answer === "delta").length).toBe(later.length);
    expect(Math.max(...later.map(({ answerBytes = 0 }) => answerBytes))).toBeLessThan(600);
  });
});

it("a user who logs out, and another who logs in on the same connection, get no byte of each other's", async () => {
  const visitor = await pair.visitor();
  const sid = (user: string) => `Cookie: sid=${user}-0123456789abcdef`;
  const say = async (fields: readonly string[], body: Buffer, ...more: readonly string[]) => {
    visitor.send(GET("/inbox", "Sec-Fetch-Site: none", ...fields));
    (await pair.web.next()).ok(body, "Content-Type: text/html", ...more);
    expect((await visitor.response()).body.equals(body)).toBe(true);
  };
  await say([sid("901")], pageFor("901", "a"));
  await say([sid("901")], pageFor("901", "b"));
  await say([], Buffer.from("<p>log in</p>"), "Set-Cookie: sid=; Max-Age=0");
  await say([sid("902")], pageFor("902", "a"));
  await say([sid("902")], pageFor("902", "b"));
  const kinds = [];
  for (const count of [1, 2, 4, 5]) kinds.push((await pair.visitOf("/inbox", count)).answer);
  expect(kinds).toEqual(["whole", "delta", "whole", "delta"]);
});
