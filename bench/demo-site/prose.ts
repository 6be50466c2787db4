/**
 * The words of the demo site: headlines, paragraphs, comments, names. Sentences are put together from patterns and
 * word lists, varied enough that their compressed size is about that of written text.
 */
import type { Chance } from "./chance.ts";

type Words = readonly [string, ...string[]];

const words = (text: string): Words => {
  const [first = "", ...rest] = text.trim().split(/\s*,\s*/);
  return [first, ...rest];
};

const LISTS = {
  place:
    words(`the east quay, Lantern Street, the old customs house, the fish market, Skerry Point, the breakwater,
    the rope works, Saint Brannoc's, the lifeboat station, Mill Basin, the north lock, Gull Island, the tram depot,
    the boat yard, Cooper's Reach, the sailing school, the net lofts, Harbour Square, the pilot tower, the salt pans,
    the ferry terminal, Anchor Lane, the upper docks, the tidal pool, the seed library, the observatory`),
  body: words(`the port authority, the town council, the ferry company, a group of residents, the harbour master,
    the weather office, the fishing cooperative, the school board, the museum trust, the rail operator,
    the water company, the volunteers, the county court, the university, the crew of the Marigold, the chandlers' guild,
    the night shift, the festival committee, the coast guard, the planning office, the library, the dockers' union`),
  object:
    words(`the new timetable, a second footbridge, the dredging contract, an early warning system, the tide gauge,
    the market hall, the repair fund, a cheaper season ticket, the winter berths, the restored lightship, the cycle path,
    the harbour fee, the storm barrier, a floating stage, the wind turbines, the bird sanctuary, the freight line,
    a public boat house, the survey of the sea bed, the oyster beds, the heating network, the summer academy`),
  did: words(`approved, postponed, opened, criticised, welcomed, rejected, extended, paid for, inspected, promised, drafted,
    reopened, defended, presented, closed, measured, repaired, agreed to, asked about, voted on, underestimated, tested`),
  when: words(`on Monday evening, before dawn, after months of delay, this week, for the first time since 1987, at the last meeting,
    during the spring tide, within two hours, without a public hearing, shortly after noon, in the middle of the season,
    a year ahead of plan, over the weekend, as the fog lifted, at short notice, once the ice had gone, earlier than expected`),
  why: words(`to keep the channel open, because nobody had asked, to save fuel, for lack of parts, after a close vote,
    to calm the neighbours, in spite of the cost, since the figures had improved, to give the crews a rest,
    because the pumps had failed twice, to attract visitors, for safety's sake, after reading the engineer's report`),
  quality:
    words(`unexpected, careful, costly, modest, long-awaited, quiet, generous, stubborn, practical, bold, uneven, popular,
    disputed, remarkable, ordinary, seasonal, cautious, overdue, simple, complicated, temporary, hopeful, thorough`),
  thing:
    words(`step, compromise, argument, morning, number, winter, letter, crowd, promise, repair, silence, mistake, question,
    start, turn, plan, habit, victory, report, bargain, reminder, tradition, experiment, calculation`),
  first:
    words(`Ada, Bruno, Cecilia, Dario, Edda, Finn, Greta, Henrik, Ines, Jonas, Karla, Leif, Marit, Nils, Oda, Paula, Quentin,
    Rasmus, Solveig, Tomas, Ulla, Viggo, Wanda, Ximena, Yann, Zelda, Astrid, Bo, Clara, Emil`),
  last: words(`Aaberg, Brandt, Castell, Dahl, Ekholm, Farrow, Gunnarsson, Holm, Iversen, Jansen, Kvist, Lindqvist, Moreau, Nyberg,
    Osman, Petrov, Quist, Rask, Strand, Thorne, Ullman, Vance, Westby, Yilmaz, Zander`),
} as const satisfies Record<string, Words>;

const SENTENCES: Words = [
  "{Body} {did} {object} {when}, {why}.",
  "At {place}, {body} {did} {object} {why}.",
  "It was a {quality} {thing}, and {body} knew it {when}.",
  "Nobody at {place} had expected {body} to have {did} {object} {when}.",
  "“It is a {quality} {thing},” said {first} {last}, who has lived near {place} for {count} years.",
  "{count} people came to {place} {when}; {count} of them stayed for the vote.",
  "What {body} calls a {quality} {thing} has cost {count},000 crowns so far, {why}.",
  "Between {place} and {place}, {object} remains a {quality} {thing}.",
  "{Body} and {body} disagree about {object}, which was {did} {when}.",
  "Asked about {object}, {first} {last} spoke of a {quality} {thing} and a {quality} {thing}.",
  "The last time {body} {did} {object}, {place} stayed closed for {count} days.",
  "If {object} is {did} again, {body} will have to answer {when}.",
];

const HEADLINES: Words = [
  "{Body} {did} {object}",
  "A {quality} {thing} at {place}",
  "Why {body} {did} {object} {when}",
  "{count} days at {place}: a {quality} {thing}",
  "{Object}: a {quality} {thing} for {body}",
  "How {place} lives with {object}",
  "{first} {last} on {object} and a {quality} {thing}",
];

const REMARKS: Words = [
  "I was at {place} {when} and saw nothing of the kind.",
  "A {quality} {thing}. {Body} should have {did} {object} years ago.",
  "Thank you for this. {Object} matters more than people think.",
  "@{first}: you forget that {body} {did} it {why}.",
  "Can somebody explain why {object} was {did} {when}?",
  "{count} crowns! My grandfather would have done it for {count}.",
  "So {body} {did} {object} again. {Object}, of all things.",
];

const fill = (pattern: string, chance: Chance): string =>
  filled(pattern, chance).replace(/\b([Aa]) (?=[aeiou])/g, "$1n ");

const filled = (pattern: string, chance: Chance): string =>
  pattern.replace(/\{(\w+)\}/g, (_, slot: string) => {
    if (slot === "count") return String(chance.between(3, 980));
    const list = LISTS[slot.toLowerCase() as keyof typeof LISTS];
    const word = chance.pick(list).replace(/\s+/g, " ");
    return slot.charAt(0) === slot.charAt(0).toUpperCase()
      ? word.charAt(0).toUpperCase() + word.slice(1)
      : word;
  });

const several = (count: number, make: () => string): string => Array.from({ length: count }, make).join(" ");

export const sentence = (chance: Chance): string => fill(chance.pick(SENTENCES), chance);

export const paragraph = (chance: Chance): string => several(chance.between(3, 6), () => sentence(chance));

export const headline = (chance: Chance): string => fill(chance.pick(HEADLINES), chance);

export const remark = (chance: Chance): string =>
  several(chance.between(1, 4), () => fill(chance.pick(REMARKS), chance));

export const person = (chance: Chance): string => fill("{first} {last}", chance);

/** As a content system makes one for a URL. */
export const slugOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 60);
