/** What the framework run measured, with stable names, and as a table for people. */
import type { Ground } from "../corpus/versions.ts";
import { countOf, geometricMean, sumOf } from "../report/statistics.ts";
import { type Column, percent, renderTable, wholeNumber } from "../report/table.ts";
import { ANSWERS, type Answer } from "../rig/exchange-log.ts";
import { BODY_VERDICTS, type BodyVerdict } from "./differences.ts";
import { type Measured, PHASES, type Phase } from "./tours.ts";

interface PhaseReport {
  readonly phase: Phase;
  readonly visits: number;
  readonly rawBytes: number;
  readonly gzipBytes: number;
  readonly answerBytes: number;
  readonly linkBytes: number;
  readonly answers: Readonly<Record<Answer, number>>;
  /** Why answers were whole or had no base, where the daemons say so. */
  readonly reasons: Readonly<Record<string, number>>;
}

export interface ApplicationReport {
  readonly name: string;
  /** Of the counted visits. */
  readonly phases: readonly PhaseReport[];
  /** Bytes on the link, both ways, over the whole run: sign-ins and first visits too. */
  readonly linkBytes: number;
  /** The same with the other checkout's daemons. */
  readonly thatLinkBytes: number | undefined;
  /** Bytes that visitors got in second visits (`SECOND`), and what they got by the other checkout's pair. */
  readonly visitorBytes: number;
  readonly dictionaryBytes: number;
  readonly thatVisitorBytes: number | undefined;
  /** Bodies that were asked straight and through the pair: of all visits. */
  readonly bodies: Readonly<Record<BodyVerdict, number>>;
  /** Fields that differ, as "name: straight -> pair", with an example each and how often. */
  readonly fields: readonly { readonly field: string; readonly example: string; readonly times: number }[];
  readonly flaws: readonly string[];
  /** Each visit in its order, sign-ins left out: where the bytes went. */
  readonly visits: readonly VisitReport[];
}

interface VisitReport extends Omit<Measured, "gzipBytes" | "logged" | "body" | "flaw" | "fields"> {
  readonly answer: Answer | undefined;
  readonly reason: string | undefined;
  readonly bases: number | undefined;
  readonly answerBytes: number;
}

export interface FrameworksReport {
  readonly applications: readonly ApplicationReport[];
  /** Why an application was not visited. */
  readonly leftOut: readonly string[];
  /** Of `linkBytes / thatLinkBytes`, over the applications. */
  readonly geometricMean: number | undefined;
  readonly versions: Ground;
}

/** Phases of visitors that have been there before. */
const SECOND: ReadonlySet<Phase> = new Set(["same visitor", "changed", "no cookies", "users again"]);
const FLAWS_SHOWN = 5;

export function reportOnApplication(
  name: string,
  measured: readonly Measured[],
  links: Pick<ApplicationReport, "linkBytes" | "thatLinkBytes">,
): ApplicationReport {
  const bodies = (body: BodyVerdict) => measured.filter((visit) => visit.body === body).length;
  const second = measured.filter(({ counted, phase }) => counted && SECOND.has(phase));
  const differing = measured.flatMap(({ fields }) => fields);
  const fields = Object.entries(
    countOf(differing.map(({ field, straight, pair }) => `${field} ${howChanged(straight, pair)}`)),
  ).map(([field, times]) => {
    const like = differing.find((one) => `${one.field} ${howChanged(one.straight, one.pair)}` === field);
    return { field, example: `${like?.straight ?? "(none)"} -> ${like?.pair ?? "(none)"}`, times };
  });
  return {
    name,
    phases: PHASES.flatMap((phase) => {
      const theirs = measured.filter((visit) => visit.counted && visit.phase === phase);
      return theirs.length === 0 ? [] : [{ phase, ...sumsOf(theirs) }];
    }),
    ...links,
    visitorBytes: sumOf(second.map(({ visitorBytes }) => visitorBytes)),
    dictionaryBytes: sumOf(second.map(({ dictionaryBytes }) => dictionaryBytes)),
    thatVisitorBytes:
      links.thatLinkBytes === undefined
        ? undefined
        : sumOf(second.map(({ thatVisitorBytes = 0 }) => thatVisitorBytes)),
    bodies: Object.fromEntries(BODY_VERDICTS.map((body) => [body, bodies(body)])) as Record<
      BodyVerdict,
      number
    >,
    fields,
    flaws: measured
      .flatMap(({ path, flaw }) => (flaw === undefined ? [] : [`${path}: ${flaw}`]))
      .slice(0, FLAWS_SHOWN),
    visits: measured.map(({ logged, gzipBytes: _, body: _body, flaw: _flaw, fields: _fields, ...visit }) => {
      const { answer, reason, bases, answerBytes = 0 } = logged.edge;
      return { ...visit, answer, reason, bases, answerBytes };
    }),
  };
}

const howChanged = (straight: string | undefined, pair: string | undefined): string => {
  if (straight === undefined) return "added";
  if (pair === undefined) return "left out";
  return pair === `W/${straight}` ? "weakened" : "changed";
};

const sumsOf = (visits: readonly Measured[]): Omit<PhaseReport, "phase"> => ({
  visits: visits.length,
  rawBytes: sumOf(visits.map(({ rawBytes }) => rawBytes)),
  gzipBytes: sumOf(visits.map(({ gzipBytes }) => gzipBytes)),
  answerBytes: sumOf(visits.map(({ logged }) => logged.edge.answerBytes ?? 0)),
  linkBytes: sumOf(visits.map(({ linkBytes }) => linkBytes)),
  answers: Object.fromEntries(
    ANSWERS.map((answer) => [answer, visits.filter(({ logged }) => logged.edge.answer === answer).length]),
  ) as Record<Answer, number>,
  reasons: countOf(visits.map(({ logged }) => logged.edge.reason)),
});

/** Of the links' bytes, over the applications that were run with both. */
export const ratioOf = (applications: readonly ApplicationReport[]): number | undefined =>
  geometricMean(
    applications.flatMap(({ linkBytes, thatLinkBytes }) =>
      thatLinkBytes === undefined ? [] : [linkBytes / thatLinkBytes],
    ),
  );

/** Of the bytes that visitors got in second visits, all applications together. */
const visitorsRatioOf = (applications: readonly ApplicationReport[]): number | undefined => {
  const both = applications.filter(({ thatVisitorBytes }) => thatVisitorBytes !== undefined);
  const [here, there] = [
    sumOf(both.map(({ visitorBytes }) => visitorBytes)),
    sumOf(both.map(({ thatVisitorBytes = 0 }) => thatVisitorBytes)),
  ];
  return there === 0 ? undefined : here / there;
};

export const isFlawless = ({ applications }: FrameworksReport): boolean =>
  applications.every(({ bodies }) => bodies.wrong === 0);

const COLUMNS: readonly Column[] = [
  { title: "application", align: "left" },
  { title: "visits by", align: "left" },
  { title: "n", align: "right" },
  { title: "raw", align: "right" },
  { title: "gzip -6", align: "right" },
  { title: "answer", align: "right" },
  { title: "of raw", align: "right" },
  { title: "of gzip", align: "right" },
  { title: "link of raw", align: "right" },
  { title: ANSWERS.join("/"), align: "right" },
];

export function frameworksTable(report: FrameworksReport): string {
  const rows = report.applications.flatMap(({ name, phases }) => [
    ...phases.map((phase, at) => phaseRow(at === 0 ? name : "", phase)),
    "-" as const,
  ]);
  const { versions } = report;
  const visitors = visitorsRatioOf(report.applications);
  return [
    renderTable(COLUMNS, rows),
    "",
    ...report.applications.flatMap(linesOf),
    ...report.leftOut.map((line) => `Left out: ${line}`),
    ...(report.geometricMean === undefined
      ? []
      : [`Link bytes, this checkout to that one, geometric mean: ${report.geometricMean.toFixed(3)}.`]),
    ...(visitors === undefined
      ? []
      : [`Bytes of second visits at the visitor, this checkout to that one: ${visitors.toFixed(3)}.`]),
    `Coilgun ${versions.coilgun}, Node ${versions.node}, zstd ${versions.zstd}, ${versions.cores} cores of ${versions.cpu}.`,
  ].join("\n");
}

function phaseRow(name: string, sums: PhaseReport): string[] {
  const mean = (bytes: number) => wholeNumber(bytes / sums.visits);
  return [
    name,
    sums.phase,
    String(sums.visits),
    mean(sums.rawBytes),
    mean(sums.gzipBytes),
    mean(sums.answerBytes),
    percent(sums.answerBytes / sums.rawBytes),
    percent(sums.answerBytes / sums.gzipBytes),
    percent(sums.linkBytes / sums.rawBytes),
    ANSWERS.map((answer) => sums.answers[answer]).join("/"),
  ];
}

const LONGEST_EXAMPLE = 160;

function linesOf({
  name,
  bodies,
  fields,
  flaws,
  phases,
  linkBytes,
  thatLinkBytes,
  visitorBytes,
  dictionaryBytes,
  thatVisitorBytes,
}: ApplicationReport): string[] {
  const reasons = phases.flatMap(({ phase, reasons }) =>
    Object.entries(reasons).map(([reason, times]) => `  ${phase}, ${reason}: ${times}`),
  );
  return [
    `${name}: bodies as asked straight ${bodies.same}, that differ by themselves ${bodies["by itself"]}, sent otherwise ${bodies["sent otherwise"]}, wrong ${bodies.wrong}; ${wholeNumber(linkBytes)} bytes on the link in all.`,
    ...(thatLinkBytes === undefined
      ? []
      : [`  that checkout: ${wholeNumber(thatLinkBytes)}, ratio ${(linkBytes / thatLinkBytes).toFixed(3)}`]),
    `  second visits at the visitor: ${wholeNumber(visitorBytes)}, ${wholeNumber(dictionaryBytes)} of them dictionaries${thatVisitorBytes === undefined ? "" : `, that checkout ${wholeNumber(thatVisitorBytes)}, ratio ${(visitorBytes / thatVisitorBytes).toFixed(3)}`}`,
    ...reasons,
    ...fields.map(
      ({ field, example, times }) => `  ${field}, ${times} times: ${example.slice(0, LONGEST_EXAMPLE)}`,
    ),
    ...flaws.map((flaw) => `  ${flaw}`),
  ];
}
