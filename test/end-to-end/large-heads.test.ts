/** Heads of some kilobytes, as policies, sessions in cookies and tokens of APIs make them: each crosses the link once, by all that is on the wire. */
import { expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair } from "../kit/pair.ts";
import { seeded } from "../kit/random.ts";
import { visit } from "../kit/visits.ts";
import { tapWire, type WireTap } from "../kit/wire-tap.ts";
import { madePage } from "../protocol/codec/made-pages.ts";

watchLeaks();

/** Of any visit whose page and heads were there before. */
const MOST_BYTES = 300;

/** `characters`: so many that nobody guesses. */
type Made = (characters: (count: number) => string) => {
  readonly answer?: Record<string, string>;
  /** What each of them asks with. */
  readonly visitors: readonly Record<string, string>[];
};

it.each<readonly [string, Made]>([
  [
    "a policy of 4 KB",
    (characters) => ({
      answer: { "content-security-policy": `connect-src ${`https://${characters(30)} `.repeat(100)}'self'` },
      visitors: [{}],
    }),
  ],
  [
    "two sessions that are cookies of 3 KB",
    (characters) => ({
      visitors: [1, 2].map(() => ({ Cookie: `s=${characters(3000)}; t=1`, "Sec-Fetch-Site": "same-origin" })),
    }),
  ],
  [
    "three tokens of 1.2 KB",
    (characters) => ({ visitors: [1, 2, 3].map(() => ({ Authorization: `Bearer ${characters(1200)}` })) }),
  ],
])("%s", async (_, made) => {
  const random = seeded();
  const page = madePage(random, 10);
  const { answer = {}, visitors } = made((count) =>
    random.bytes(count).toString("base64url").slice(0, count),
  );
  let tap: WireTap | undefined;
  await using pair = await openPair({
    serve: (_request, response) => {
      response.writeHead(200, { "Content-Type": "text/html", ...answer });
      response.end(page);
    },
    via: async (tunnel) => {
      tap = await tapWire(tunnel);
      return tap.port;
    },
  });
  await using _tap = tap;
  const tour = async (): Promise<number> => {
    const crossed = () => (tap?.seen("up").length ?? Number.NaN) + (tap?.seen("down").length ?? 0);
    const before = crossed();
    for (const asking of visitors) {
      const { status, headers, body } = await visit(pair.port, { path: "/", headers: asking });
      expect([status, body.equals(page)]).toEqual([200, true]);
      expect(headers).toMatchObject(answer);
    }
    return (crossed() - before) / visitors.length;
  };
  for (let i = 0; i < 3; i++) await tour();
  expect(await tour()).toBeLessThan(MOST_BYTES);
});
