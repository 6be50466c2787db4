/**
 * People who come back to one URL after a while, many others having been there meanwhile: both sides still hold each one's own page,
 * so what changed is all that travels. SPEC section "Bases".
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { LeapingClock } from "../kit/leaping-clock.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { seeded } from "../kit/random.ts";
import { settledWork } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const PEOPLE = 12;
const MINUTE = 60_000;
const AWAY_MINUTES = 5;
/** Own to each: nothing but an own base spares them. */
const OWN_BYTES = 8_000;
/** A splice of one place, and its frame. */
const MOST_ANSWER_BYTES = 64;

const clock = new LeapingClock();
let pair: Pair;
let visits = 0;
beforeAll(async () => {
  // A heartbeat that a leap outruns would end the link, and rightly so.
  const times = { heartbeat: "5m", drain: "1s" };
  pair = await openPair({ serve() {}, clock, edge: { times }, origin: { times } });
});
afterAll(() => pair[Symbol.asyncDispose]());

it("cost a change, not a page, however many were there in between", async () => {
  const random = seeded();
  const own = Array.from({ length: PEOPLE }, () => random.bytes(OWN_BYTES / 2).toString("hex"));
  let round = 0;
  pair.web.serve = (request, response) => {
    const person = Number(/sid=(\d+)-/.exec(request.headers.cookie ?? "")?.[1]);
    response.setHeader("Content-Type", "text/html").end(`<p>${own[person]}</p><p>round ${round}</p>`);
  };
  const answerBytes = async (person: number): Promise<number> => {
    const { body } = await visit(pair.port, {
      path: "/home",
      headers: { "Sec-Fetch-Site": "none", Cookie: `sid=${person}-0123456789abcdef` },
    });
    expect(body.toString()).toBe(`<p>${own[person]}</p><p>round ${round}</p>`);
    return (await pair.visited(++visits)).answerBytes ?? Number.NaN;
  };
  for (let person = 0; person < PEOPLE; person++)
    expect(await answerBytes(person)).toBeGreaterThan(OWN_BYTES / 2);
  for (round = 1; round < 4; round++) {
    for (let minute = 0; minute < AWAY_MINUTES; minute++) {
      clock.leap(MINUTE);
      await settledWork();
    }
    for (let person = 0; person < PEOPLE; person++)
      expect(await answerBytes(person), `person ${person} in round ${round}`).toBeLessThan(MOST_ANSWER_BYTES);
  }
});
