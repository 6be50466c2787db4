/**
 * Bases and a page that reach every bound of the mixing coder at once: so many places where the page differs that numbers have learnt all they can, tables at their largest, long
 * words, bytes above 127, expectations that hold for long, and places at both ends of the bases. What was once made of them is frozen (mixed-vector): the texts never change.
 */
import { Random } from "../../kit/random.ts";

const SYLLABLES = ["ba", "ko", "ri", "tum", "lé", "n1", "42", "<b>", "</b>", "\n", " ", ", "] as const;

const textOf = (random: Random, bytes: number): Buffer => {
  let text = "";
  while (text.length < bytes) text += SYLLABLES[random.int(0, SYLLABLES.length - 1)];
  return Buffer.from(text).subarray(0, bytes);
};

export const mixedText = (): { readonly bases: readonly Buffer[]; readonly page: Buffer } => {
  const random = new Random(50);
  const older = textOf(random, 3_000);
  const base = textOf(random, 150_000);
  const known = [
    older.subarray(0, 12),
    base.subarray(600, 680),
    Buffer.from("internationalization".repeat(2)),
  ];
  const pieces: Buffer[] = [];
  let at = 0;
  for (let place = 0; place < 420; place++) {
    const run = 200 + random.int(0, 150);
    pieces.push(base.subarray(at, at + run));
    at += run;
    if (place % 60 === 59) pieces.push(older.subarray(place * 5, place * 5 + 120));
    else if (place % 7 === 0) pieces.push(known[(place / 7) % known.length] as Buffer);
    else pieces.push(textOf(random, 3 + (place % 20)));
    // As many bytes of the base are left out, now and then.
    if (place % 3 > 0) at += 3 + (place % 20);
  }
  pieces.push(base.subarray(base.length - 200), known[1] as Buffer, textOf(random, 400), random.bytes(40));
  return { bases: [older, base], page: Buffer.concat(pieces) };
};

/** The same for what is mixed in units: texts, so many runs that not all of what is copied may come again, and what is added takes pieces. */
export const unitsText = (): { readonly bases: readonly Buffer[]; readonly page: Buffer } => {
  const random = new Random(51);
  const words = (count: number): string =>
    Array.from({ length: count }, () => SYLLABLES[random.int(0, SYLLABLES.length - 1)]).join("");
  const older = Array.from({ length: 40 }, (_, at) => `<p>${words(20)}${at}</p>\n`);
  const rows = Array.from({ length: 900 }, (_, at) => `<li class="row">${words(30)}${at}</li>\n`);
  const changed = rows.flatMap((row, at) => {
    if (at % 6 === 5) return [`<li class="row">${words(4)}</li>\n`];
    if (at % 50 === 7) return [row, older[at % 40] as string, row];
    return at % 31 === 3 ? [] : [row];
  });
  const page = [...changed.slice(400), words(4_000), ...changed.slice(0, 400)].join("");
  return { bases: [older.join(""), rows.join("")].map((text) => Buffer.from(text)), page: Buffer.from(page) };
};

/**
 * What those texts leave out: so many words that contexts push each other out of their rows, the bytes at which words begin (127 is none), words and digits that are longer than what is
 * read of them before a step, and places of the base that agree for long and then do not.
 */
export const crowdedText = (): { readonly alone: Buffer; readonly base: Buffer; readonly page: Buffer } => {
  const random = new Random(52);
  const letters = (count: number): string =>
    Array.from({ length: count }, () => String.fromCharCode(97 + random.int(0, 25))).join("");
  const words = Array.from({ length: 2_500 }, () => letters(random.int(1, 9)));
  words.push("a\u007fb", "\u0080x", "\u0080", "x\u007f", letters(35), "1".repeat(36));
  const some = (count: number): string =>
    Array.from(
      { length: count },
      () => words[random.int(0, random.chance(0.5) ? 60 : words.length - 1)],
    ).join(" ");
  const alone = Buffer.from(`${some(4_000)} a\u007fb \u0080x ${some(4_000)}`, "latin1");
  const ends = [letters(31), letters(32), letters(45), "7".repeat(40), `${letters(9)} ${"8".repeat(33)}`];
  const rows = Array.from(
    { length: 240 },
    (_, at) => `<li>row number ${at % 9} of ${some(6)} ${ends[at % 5]}\n`,
  );
  const changed = rows.map((row, at) =>
    at % 8 === 3
      ? row + some(2)
      : at % 8 === 6
        ? row.replace(/number \d of (\w+)/, `number ${at % 7} of $1s`)
        : row,
  );
  const latin1 = (all: readonly string[]) => Buffer.from(all.join("").replace(/[\u007f-\u00ff]/g, "é"));
  return { alone, base: latin1(rows), page: latin1(changed) };
};
