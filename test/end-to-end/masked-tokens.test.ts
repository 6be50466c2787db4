/**
 * Pages whose tokens have a new mask each time: the visitor gets every byte, and the link carries little more than the masks.
 * SPEC section "Masked tokens".
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { openOriginHalf, wiredHalf } from "../kit/halves.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair } from "../kit/pair.ts";
import { seeded } from "../kit/random.ts";
import { openFrame } from "../kit/scripted-peer.ts";
import { visit } from "../kit/visits.ts";
import { madePage } from "../protocol/codec/made-pages.ts";
import { MASKING_FRAMEWORKS } from "../protocol/codec/masking-frameworks.ts";

watchLeaks();

let undo: AsyncDisposableStack;
beforeEach(() => {
  undo = new AsyncDisposableStack();
});
afterEach(() => undo.disposeAsync());

/** A page with the tokens of a session in this many of its rows. */
const siteOf = (name: string, tokens: number) => {
  const random = seeded();
  const token = MASKING_FRAMEWORKS.find((framework) => framework.name === name)?.session(random);
  const rows = madePage(random, 60).toString().split("\n");
  const made = () =>
    Buffer.from(
      rows.map((row, at) => (at > 0 && at <= tokens ? `${row}<input value="${token?.()}">` : row)).join("\n"),
    );
  return { made };
};

it.each([
  ["Rails", 1],
  ["Rails", 3],
  ["Rails", 30],
  ["Django", 1],
])("%s with %d tokens: an unchanged page costs 35 bytes, and 34 each", async (name, tokens) => {
  const { made } = siteOf(name, tokens);
  let page = made();
  const pair = undo.use(
    await openPair({
      serve: (_, answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end(page),
    }),
  );
  const seen: [string | undefined, number][] = [];
  for (let at = 1; at <= 3; at++) {
    page = made();
    const { body } = await visit(pair.port, {
      headers: { Cookie: "session=0123456789abcdef0123", "Sec-Fetch-Site": "same-origin" },
    });
    expect(body.equals(page)).toBe(true);
    const { answer, answerBytes = Number.NaN } = await pair.visited(at);
    seen.push([answer, answerBytes]);
  }
  expect(seen.map(([answer]) => answer)).toEqual(["whole", "delta", "delta"]);
  for (const [, bytes] of seen.slice(1)) expect(bytes).toBeLessThanOrEqual(35 + 34 * tokens);
});

it("an edge that does not speak of it gets the page by a codec that it knows", async () => {
  const { made } = siteOf("Rails", 3);
  const web = undo.use(
    await openOrigin((_, answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end(made())),
  );
  const origin = undo.use(await openOriginHalf({ port: web.port, clock: new FakeClock() }));
  const codecsTold = async (features: readonly string[]) => {
    const { peer } = await wiredHalf(origin, "edge", { features });
    peer.say(openFrame(1));
    const { form: first } = await peer.nextOf("answer");
    const result = first.kind === "whole" ? first.result : undefined;
    peer.say(openFrame(2, { offers: [result?.slice(0, 8) ?? ""] }));
    const { form: second } = await peer.nextOf("answer");
    peer.cut();
    return [first, second].map((form) => [form.kind, "codec" in form && form.codec]);
  };
  const whole = ["whole", 1];
  expect(await codecsTold(["push"])).toEqual([whole, ["delta", 1]]);
  expect(await codecsTold(["masked-tokens"])).toEqual([whole, ["delta", 5]]);
});
