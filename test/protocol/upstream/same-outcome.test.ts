// The same response means the same, by whatever method it was asked for, on a new connection and on one that was kept.
import { describe, expect, it } from "vitest";
import { settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { OK, RawOrigin } from "../../kit/raw-origin.ts";
import { type Asked, ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";
import { CUT, PASSED, REFUSED, REFUSED_AFTER_INTERIMS } from "./odd-responses.ts";

watchLeaks();

/**
 * Every way that a request goes out: with and without a body, with its length and in chunks, one that may be repeated or not, on
 * a new connection or on one that has served before.
 */
const REQUESTS = [
  { method: "GET", body: "none", kept: false },
  { method: "GET", body: "none", kept: true },
  { method: "GET", body: "sized", kept: false },
  { method: "OPTIONS", body: "none", kept: false },
  { method: "DELETE", body: "none", kept: false },
  { method: "POST", body: "none", kept: false },
  { method: "POST", body: "none", kept: true },
  { method: "POST", body: "sized", kept: false },
  { method: "POST", body: "chunked", kept: false },
] as const;
type Request = (typeof REQUESTS)[number];

const asking = (client: TestClient, { method, body }: Request): Asked => {
  if (body === "none") return ask(client, method);
  const fields = body === "sized" ? ["Content-Length", "2"] : ["Incremental", "?1"];
  return ask(client, method, "/", { fields, body: new FedBody().piece("hi").end() });
};

const END_OF_REQUEST = { none: "\r\n\r\n", sized: "\r\n\r\nhi", chunked: "0\r\n\r\n" } as const;

const pairs = (fields: readonly string[]): string[] =>
  Array.from({ length: fields.length / 2 }, (_, i) => `${fields[2 * i]}: ${fields[2 * i + 1]}`);

/** `200 OK | Content-Length: 5 | hello`, and whatever is out of the ordinary; of a failure its code. */
const outcomeOf = async (asked: Asked): Promise<string> => {
  const parts: string[] = [];
  try {
    const { head, body, end } = await heard(asked);
    const fields = head.fields.length > 20 ? [`${head.fields.length / 2} fields`] : pairs(head.fields);
    parts.push(`${head.status} ${head.reason}`, ...fields, body);
    parts.push(...pairs(end.trailers).map((trailer) => `trailer ${trailer}`));
    if (end.how === "closed") parts.push("then it closed");
  } catch (error) {
    parts.push(error instanceof Error && "code" in error ? String(error.code) : String(error));
  }
  const interims = asked.interims.length;
  return (interims === 0 ? parts : [...parts, `after ${interims} interim heads`]).join(" | ");
};

const outcomeFor = async (origin: RawOrigin, bytes: string, request: Request): Promise<string> => {
  await using client = new TestClient(routeTo(origin.port));
  const before = request.kept ? ask(client) : undefined;
  const asked = before === undefined ? asking(client, request) : undefined;
  const connection = await origin.next();
  if (before !== undefined) {
    await connection.head();
    connection.write(OK("before"));
    await heard(before);
    await settle();
  }
  const outcome = outcomeOf(asked ?? asking(client, request));
  await connection.upTo(END_OF_REQUEST[request.body]);
  connection.end(bytes);
  // What is no HTTP at all may belong to the response before it.
  if (request.kept && request.method === "GET" && !/^(?:\r\n)*(?:HTTP|ICY|$)/.test(bytes)) {
    const again = await origin.next();
    await again.head();
    again.end(bytes);
    origin.count--;
  }
  return await outcome;
};

const expectEverywhere = async (bytes: string, outcome: string): Promise<void> => {
  await using origin = await RawOrigin.listen();
  for (const request of REQUESTS)
    expect(await outcomeFor(origin, bytes, request), JSON.stringify(request)).toBe(outcome);
  expect(origin.count).toBe(REQUESTS.length);
};

describe("a response that is none is refused", () => {
  it.each(REFUSED)("%s", (_, bytes) => expectEverywhere(bytes, "origin-failed"));
  it.each(REFUSED_AFTER_INTERIMS)("%s", (_, bytes, interims) =>
    expectEverywhere(bytes, `origin-failed | after ${interims} interim heads`),
  );
});

it("a connection that closes without a word is refused, where it is a new one", async () => {
  await using origin = await RawOrigin.listen();
  for (const request of REQUESTS.filter(({ kept }) => !kept))
    expect(await outcomeFor(origin, "", request), JSON.stringify(request)).toBe("origin-failed");
});

describe("a body that is wrong, or does not come to its end, is cut", () => {
  it.each(CUT)("%s", (_, bytes) => expectEverywhere(bytes, "truncated"));
});

describe("any other response passes", () => {
  it.each(PASSED)("%s", (_, bytes, outcome) => expectEverywhere(bytes, outcome));
});
