/** Pages as dynamic sites make them: a frame that stays, rows that change, tokens that are fresh each time. Seeded. */
import type { Random } from "../../kit/random.ts";

const WORDS =
  "the a link page base delta origin edge visitor answer of in and to with from under over new old".split(
    " ",
  );

const sentence = (random: Random, words: number): string =>
  Array.from({ length: words }, () => random.pick(WORDS)).join(" ");

const token = (random: Random): string => random.bytes(12).toString("hex");

/** One row of a listing; about 200 bytes. */
const row = (random: Random): string =>
  `<li class="row" id="r${token(random)}"><a href="/item/${random.int(1, 99999)}">${sentence(random, 18)}</a></li>\n`;

export const madePage = (random: Random, rows: number): Buffer =>
  Buffer.from(
    `<!doctype html><meta name="csrf" content="${token(random)}"><ul>\n${Array.from({ length: rows }, () => row(random)).join("")}</ul>\n`,
  );

/** The page some time later: a few rows replaced, a fresh token in the head. */
export function laterPage(random: Random, page: Buffer, changes = 2): Buffer {
  const lines = page.toString().split("\n");
  lines[0] = `<!doctype html><meta name="csrf" content="${token(random)}"><ul>`;
  for (let change = 0; change < changes && lines.length > 4; change++) {
    lines[random.int(1, lines.length - 3)] = row(random).trimEnd();
  }
  return Buffer.from(lines.join("\n"));
}

/** `count` versions of one page, oldest first. */
export function madeVersions(random: Random, { rows, count }: { rows: number; count: number }): Buffer[] {
  const versions: Buffer[] = [];
  let version = madePage(random, rows);
  while (versions.length < count) {
    versions.push(version);
    version = laterPage(random, version);
  }
  return versions;
}
