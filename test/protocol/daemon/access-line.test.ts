import { expect, it } from "vitest";
import {
  accessLine,
  combinedLine,
  flag,
  LineTime,
  number,
  text,
  withoutQuerySecrets,
  word,
} from "../../../protocol/daemon/access-line.ts";

const lineOf = (target: string, userAgent: string, more: () => string): string =>
  accessLine(
    { client: "192.0.2.7", method: "GET", protocol: "HTTP/1.1", fields: ["User-Agent", userAgent], bytes: 5 },
    { target },
    more,
    { time: new LineTime(), today: Date.UTC(2026, 0, 31, 12), wants: { format: "json", userAgent: true } },
  );

it("a line in JSON has what is known, in one line, with microseconds at most", () => {
  const names = ["whole", "long", "short", "none", "large", "below"];
  const numbers = [7, 1.23456789, 0.0504, 0.0004, 2 ** 53 * 3, -1.5];
  const more = () =>
    names.map((name, at) => number(`,"${name}":`, numbers[at])).join("") +
    word(',"answer":', "delta") +
    flag(',"mismatched":', true) +
    [text, word].map((of) => of(',"reason":', undefined)).join("") +
    number(',"status":', undefined) +
    flag(',"streamed":', undefined);
  const line = lineOf('/"\n\u2028é', "a", more);
  expect(line).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(line)).toEqual({
    time: "2026-01-31T12:00:00.000Z",
    client: "192.0.2.7",
    method: "GET",
    target: '/"\n\u2028é',
    ...{ whole: 7, long: 1.235, short: 0.05, none: 0, large: 2 ** 53 * 3, below: -1.5 },
    answer: "delta",
    mismatched: true,
    bytes: 5,
    userAgent: "a",
  });
});

it("a line in JSON holds nothing that a terminal obeys or that ends a line for some reader", () => {
  const userAgent = "a\x85b\x9b31m\x7f\u2028\u2029\xe9";
  const line = lineOf("/", userAgent, () => "");
  expect(line.trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
  expect(JSON.parse(line)).toMatchObject({ userAgent });
});

it("a combined line is that of nginx, and what a visitor wrote ends no field", () => {
  const fields = {
    client: "192.0.2.7",
    method: "GET",
    target: '/a"b',
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 512,
    referer: undefined,
    userAgent: 'x" 200\n\xe9',
  };
  expect(combinedLine(new LineTime().common(Date.UTC(2026, 0, 31, 9, 5, 7)), fields)).toBe(
    '192.0.2.7 - - [31/Jan/2026:09:05:07 +0000] "GET /a\\x22b HTTP/1.1" 200 512 "-" "x\\x22 200\\x0a\\xe9"\n',
  );
});

it("the time of a line is the moment it was asked for, within a second too", () => {
  const time = new LineTime();
  const at = Date.UTC(2026, 11, 31, 23, 59, 59);
  expect([at + 7, at + 999, at + 1_000].map((today) => time.iso(today + 0.4))).toEqual([
    "2026-12-31T23:59:59.007Z",
    "2026-12-31T23:59:59.999Z",
    "2027-01-01T00:00:00.000Z",
  ]);
});

it.each([
  ["/?token=abc&x=1", "/?token=[secret]&x=1"],
  ["/cb?state=s&code=c", "/cb?state=[secret]&code=[secret]"],
  ["/?user[password]=p", "/?user[password]=[secret]"],
  ["/?X-Amz-Signature=f00&Expires=1", "/?X-Amz-Signature=[secret]&Expires=1"],
  ["/?access_token=a;sid=b", "/?access_token=[secret];sid=[secret]"],
  ["/?monkey=1&author=me&keyboard=us", "/?monkey=1&author=me&keyboard=us"],
  ["/token=abc", "/token=abc"],
])("of %s a log has %s", (target, logged) => {
  expect(withoutQuerySecrets(target)).toBe(logged);
});

it("a query made to be slow to read is not", () => {
  const target = `/?${"?_".repeat(8_000)}`;
  expect(withoutQuerySecrets(target)).toBe(target);
}, 1_000);
