/**
 * `coilgun-edge saved <access.log>`: what the edge's own access log says was saved, by answer, by reason and by host.
 * Reads files of any size line by line, packed ones (.gz) too, and standard input as `-`. Lines that are none of the
 * edge's records are counted, not guessed at.
 */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";
import {
  bytesInWords,
  type Column,
  counted,
  percent,
  renderTable,
  wholeNumber,
  wrapped,
} from "../../protocol/daemon/text-table.ts";
import { Complaint, codeOf } from "../../protocol/runtime/user-error.ts";
import { inWords } from "../../protocol/scope/no-base-words.ts";

export interface Tally {
  answers: number;
  pageBytes: number;
  /** What the link carried of the answers' bodies. */
  answerBytes: number;
}

const newTally = (): Tally => ({ answers: 0, pageBytes: 0, answerBytes: 0 });

/** More hosts than that are one row: a log may name what visitors made up. @internal */
export const MOST_HOSTS = 1_000;
const OTHER_HOSTS = "(other hosts)";
const HOSTS_SHOWN = 20;
/** Of a line; a record has a few thousand at most. */
const LONGEST_LINE = 256 * 1024;

export class Savings {
  readonly all: Tally = newTally();
  readonly byAnswer = new Map<string, Tally>();
  readonly byReason = new Map<string, Tally>();
  readonly byHost = new Map<string, Tally>();
  /** Records without an answer: refused, failed, or answered by the edge itself. */
  unanswered = 0;
  /** Lines of an origin side: the same exchanges, seen from there. */
  ofOriginSide = 0;
  /** Lines that are no record. */
  broken = 0;

  add(line: string): void {
    if (line.trim() === "") return;
    const record = line.length > LONGEST_LINE ? undefined : recordIn(line);
    if (record === undefined) this.broken += 1;
    else if (!("link" in record) && "stream" in record) this.ofOriginSide += 1;
    else if (!("target" in record)) this.broken += 1;
    else if (typeof record.answer !== "string") this.unanswered += 1;
    else this.#count(record.answer, record);
  }

  #count(answer: string, { reason, host, pageBytes, answerBytes }: Fields): void {
    const sizes = { pageBytes: bytesIn(pageBytes), answerBytes: bytesIn(answerBytes) };
    const named = typeof host === "string" ? host : "(no host)";
    const place = this.byHost.has(named) || this.byHost.size < MOST_HOSTS ? named : OTHER_HOSTS;
    const tallies = [this.all, tallyOf(this.byAnswer, answer), tallyOf(this.byHost, place)];
    if (typeof reason === "string") tallies.push(tallyOf(this.byReason, reason));
    for (const tally of tallies) {
      tally.answers += 1;
      tally.pageBytes += sizes.pageBytes;
      tally.answerBytes += sizes.answerBytes;
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

const recordIn = (line: string): Fields | undefined => {
  try {
    const read: unknown = JSON.parse(line);
    return typeof read === "object" && read !== null ? (read as Fields) : undefined;
  } catch {
    return undefined;
  }
};

const tallyOf = (tallies: Map<string, Tally>, name: string): Tally => {
  const tally = tallies.get(name) ?? newTally();
  tallies.set(name, tally);
  return tally;
};

const bytesIn = (value: unknown): number => (typeof value === "number" && value >= 0 ? value : 0);

const UNREADABLE: Readonly<Record<string, string>> = {
  EISDIR: "is a folder; name the files in it",
  EACCES: "may not be read by this user",
};

/** Reads each file in turn. Throws Complaint where one cannot be read to its end. */
export const readSavings = async (files: readonly string[], stdin: Readable): Promise<Savings> => {
  const savings = new Savings();
  for (const file of files) {
    try {
      await readLines(file === "-" ? stdin : createReadStream(file), file, (line) => savings.add(line));
    } catch (cause) {
      const code = codeOf(cause);
      throw new Complaint(
        code === "ENOENT"
          ? `there is no file ${file}`
          : `${file} ${UNREADABLE[code] ?? `cannot be read to its end (${code})`}`,
        { cause },
      );
    }
  }
  return savings;
};

const readLines = async (source: Readable, file: string, take: (line: string) => void): Promise<void> => {
  const read = async (pieces: AsyncIterable<Buffer>) => {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for await (const piece of pieces) {
      const lines = (rest + decoder.write(piece)).split("\n");
      // One that is too long is no record, however much of it is to come.
      rest = (lines.pop() ?? "").slice(0, LONGEST_LINE + 1);
      for (const line of lines) take(line);
    }
    take(rest);
  };
  await (file.endsWith(".gz") ? pipeline(source, createGunzip(), read) : pipeline(source, read));
};

const columns = (title: string): readonly Column[] => [
  { title, align: "left" },
  ...["answers", "page bytes", "on the link", "of page"].map(
    (each): Column => ({ title: each, align: "right" }),
  ),
];

const NAME_WIDTH = 34;
const LINE_WIDTH = 80;

/** Answers of web servers that the edge asked itself: nothing is saved on a link there, and nothing counts as saved. */
const OFF_THE_LINK = ["direct", "fallback"];

/** What a person reads, 80 columns wide. */
export const savingsText = (savings: Savings): string => {
  const { all, byAnswer, byReason, byHost } = savings;
  const offLink = OFF_THE_LINK.flatMap((answer) => byAnswer.get(answer) ?? []);
  const answersOffLink = offLink.reduce((sum, { answers }) => sum + answers, 0);
  const onLink = {
    answers: all.answers - answersOffLink,
    pageBytes: offLink.reduce((rest, { pageBytes }) => rest - pageBytes, all.pageBytes),
    answerBytes: all.answerBytes,
  };
  const notes = [
    ...(onLink.pageBytes > 0
      ? [
          "On the link: bodies of answers, without heads and framing. What helps against each reason: docs/operations.md.",
        ]
      : []),
    ...(answersOffLink > 0
      ? [
          `${counted(answersOffLink, "answer")} without a link: the web server was asked straight from the edge.`,
        ]
      : []),
  ];
  const reasons = [...byReason].sort(([, a], [, b]) => b.answerBytes - a.answerBytes);
  return [
    wrapped(inShort(onLink, answersOffLink)),
    "",
    ...tableOf("answer", byAnswer),
    ...tableOf("without a base because", byReason),
    ...tableOf("host", byHost),
    ...reasons
      .slice(0, REASONS_EXPLAINED)
      .map(([reason]) => wrapped(`${shown(reason)}: ${shown(inWords(reason), LINE_WIDTH)}.`)),
    ...[...notes, ...asideLines(savings)].map((line) => wrapped(line)),
  ].join("\n");
};

const REASONS_EXPLAINED = 5;

const tableOf = (title: string, tallies: ReadonlyMap<string, Tally>): string[] => {
  if (tallies.size === 0) return [];
  const sorted = [...tallies].sort(([, a], [, b]) => b.pageBytes - a.pageBytes);
  const rows = sorted.slice(0, HOSTS_SHOWN).map(([name, tally]) => rowOf(name, tally));
  const more = sorted.length - rows.length;
  return [renderTable(columns(title), rows), ...(more > 0 ? [`and ${more} more`] : []), ""];
};

/** A log is written by strangers: nothing of it may move a terminal's cursor. */
const shown = (name: string, width = NAME_WIDTH): string =>
  name.replace(/[^\x20-\x7e]/g, "?").slice(0, width);

const inShort = ({ answers, pageBytes, answerBytes }: Tally, answersOffLink: number): string => {
  if (pageBytes > 0)
    return `${counted(answers, "answer")}: pages of ${bytesInWords(pageBytes)} crossed the link as ${bytesInWords(answerBytes)}, ${percent(answerBytes / pageBytes)} of them.`;
  if (answersOffLink > 0) return "No page crossed a link.";
  return "No answer with a page in it: is this the access log of an edge (accessLog in edge.yaml)?";
};

const rowOf = (name: string, { answers, pageBytes, answerBytes }: Tally): string[] => [
  shown(name),
  wholeNumber(answers),
  bytesInWords(pageBytes),
  bytesInWords(answerBytes),
  pageBytes === 0 || answerBytes === 0 ? "-" : percent(answerBytes / pageBytes),
];

const asideLines = ({ unanswered, ofOriginSide, broken }: Savings): string[] => [
  ...(unanswered > 0
    ? [`${counted(unanswered, "record")} without an answer: refused, failed, or said by the edge itself.`]
    : []),
  ...(ofOriginSide > 0
    ? [`${counted(ofOriginSide, "line")} of an origin side passed over: its edge has them too.`]
    : []),
  ...(broken > 0 ? [`${counted(broken, "line")} passed over: no access records.`] : []),
];

/** The same with stable names. */
export const savingsJson = ({
  all,
  byAnswer,
  byReason,
  byHost,
  unanswered,
  ofOriginSide,
  broken,
}: Savings): string =>
  JSON.stringify(
    {
      ...all,
      byAnswer: Object.fromEntries(byAnswer),
      byReason: Object.fromEntries(byReason),
      byHost: Object.fromEntries(byHost),
      unanswered,
      ofOriginSide,
      broken,
    },
    undefined,
    2,
  );
