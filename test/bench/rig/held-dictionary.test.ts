/** A visitor that takes dictionaries fetches the one that a page announces, once, names it for pages, and undoes what is coded on it. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { zstdCompressSync } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import { HeldDictionary } from "../../../bench/rig/held-dictionary.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { visitorOf } from "../../../bench/rig/visitor.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

const DICTIONARY = Buffer.from("what all pages have. ".repeat(40));
const PAGE = Buffer.concat([DICTIONARY, Buffer.from("and this one alone")]);

it.each([
  ["alone", 'match="/*", match-dest=("document")', false],
  ["and scripts", 'match="/*", match-dest=("document" "")', true],
  ["and all else", 'match="/*"', true],
])("costs the dictionary once, and of pages %s then what is new", async (_, useAs, isForScripts) => {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ url, headers }, response) => {
    asked.push(`${url} ${headers["available-dictionary"] ?? "none"}`);
    response.setHeader("Link", '</d>; rel="compression-dictionary"');
    if (url === "/d") response.setHeader("Use-As-Dictionary", useAs);
    if (url === "/d") response.end(DICTIONARY);
    else if (headers["available-dictionary"] === undefined) response.end(PAGE);
    else {
      response.setHeader("Content-Encoding", "dcz");
      const zstd = zstdCompressSync(PAGE, { dictionary: DICTIONARY });
      response.end(Buffer.concat([Buffer.alloc(40), zstd]));
    }
  });
  const dictionary = new HeldDictionary();
  const visitor = visitorOf(await listenOnLoopback(server), systemClock, dictionary);
  onTestFinished(() => {
    visitor.close();
    server.closeAllConnections();
    server.close();
  });
  const visit = { host: "a.test", path: "/", contentType: "text/html" };
  const [first, second] = [await visitor.visit(visit), await visitor.visit(visit)];
  const other = await visitor.visit({ ...visit, contentType: "application/json" });
  for (const { body } of [first, second, other]) expect(body.equals(PAGE)).toBe(true);
  expect([first.bytes > PAGE.length, second.bytes < 300, dictionary.bytes > DICTIONARY.length]).toEqual([
    true,
    true,
    true,
  ]);
  const named = `:${createHash("sha256").update(DICTIONARY).digest("base64")}:`;
  const scripts = isForScripts ? [`/ ${named}`] : ["/ none"];
  expect(asked).toEqual(["/ none", "/d none", `/ ${named}`, ...scripts]);
});
