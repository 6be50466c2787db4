/**
 * `doctor` on either side's command line: what `check` finds, and what the state of the running daemon says beside it,
 * in words and with what to do. Findings about numbers are about the last five minutes.
 */
import type { Command, Option } from "commander";
import { askStatus } from "../admin/ask-daemon.ts";
import { printAhead, printBytes } from "../admin/print-status.ts";
import type { Status } from "../admin/status.ts";
import type { AdminListen } from "../config/admin-settings.ts";
import type { StoreSettings } from "../config/store-settings.ts";
import { systemClock } from "../runtime/clock.ts";
import type { NoBase } from "../scope/no-base.ts";
import { inWords } from "../scope/no-base-words.ts";
import { EXIT, exampleOf, ownVersion, sayLabelled } from "./cli.ts";
import { FINDING_LABEL, type Finding, ok, printFinding, problem, warning } from "./findings.ts";
import { counted } from "./text-table.ts";

/** `check` gives what `check` prints. */
export const addDoctorCommand = (
  program: Command,
  config: Option,
  load: (file: string) => { readonly admin: readonly AdminListen[]; readonly store: StoreSettings },
  check: (file: string) => Promise<readonly Finding[]>,
): void => {
  program
    .command("doctor")
    .description("check, and say what is wrong with the running daemon and what it does not save")
    .addOption(config)
    .addHelpText("after", exampleOf(`${program.name()} doctor`))
    .action(async ({ config: file }: { config: string }) => {
      const asked = systemClock.today();
      const { admin, store } = load(file);
      const status = await askStatus(admin, file, { program: program.name() });
      const times = { asked, today: systemClock.today() }; // Before the check, which may take seconds.
      const findings = [
        ...(await check(file)),
        ...diagnose(status, { version: ownVersion(), ...times }),
        ...tiersOf(status, store),
      ];
      for (const finding of findings) sayLabelled(printFinding(finding), FINDING_LABEL);
      if (findings.some(({ outcome }) => outcome === "problem")) process.exitCode = EXIT.failed;
    });
};

/** A clock that is put right by more meanwhile, or is another one, is worth a word. */
const SKEW_MS = 2_000;
/** Of the answers that a base could help; less is worth no word. */
const SHARE = 0.05;
/** More than that of the visits fail. */
const FAILURES = 0.01;

/** `version`: of this program, as installed. `asked`, `today`: when the status was asked for and came, in ms since 1970. @internal */
export const diagnose = (
  status: Status,
  {
    version,
    today,
    asked = today,
  }: { readonly version: string; readonly today: number; readonly asked?: number },
): readonly Finding[] => [
  status.version === version
    ? ok(`${status.program} ${version} runs, and is what is installed`)
    : warning(
        `${status.program} ${status.version} runs, and ${version} is installed`,
        "restart the daemon: docs/operations.md, Upgrade",
      ),
  ...clockOf(status, asked, today),
  ...linksOf(status),
  ...peersOf(status),
  ...storeOf(status),
  ...savingOf(status),
  ...troublesOf(status),
  ...errorsOf(status),
];

/** A time between question and answer is as good as any other there: a busy machine takes seconds to answer. */
const clockOf = ({ at }: Status, asked: number, today: number): readonly Finding[] => {
  const daemonMs = Date.parse(at);
  const skewMs = Math.max(asked - daemonMs, 0) + Math.min(today - daemonMs, 0);
  return [
    Math.abs(skewMs) < SKEW_MS
      ? ok("the daemon has the machine's time")
      : warning(
          `this clock is ${(skewMs / 1_000).toFixed(1)} s from the daemon's: it was put right this moment, or the daemon runs on another machine`,
          "ask again; if it stays so, run a time service where the daemon runs",
        ),
  ];
};

/** Of clocks on two machines; a good time service keeps them within some milliseconds. */
const APART_MS = 5_000;

/** What the other sides' programs and clocks are. */
const peersOf = ({ version, links }: Status): readonly Finding[] =>
  links.flatMap(({ key, address, program, clockAheadMs, roundTripMs }) => [
    ...(program === null || program === version
      ? []
      : [
          warning(
            `link ${key} ${address}: version ${program} runs there, and ${version} here`,
            "upgrade the older side: docs/operations.md, Upgrade",
          ),
        ]),
    ...(Math.abs(clockAheadMs ?? 0) - (roundTripMs ?? 0) <= APART_MS
      ? []
      : [
          warning(
            `link ${key} ${address}: ${printAhead(clockAheadMs ?? 0)} of ours`,
            "run a time service on both machines: their logs do not fit together, and `until` of a secret ends at two times",
          ),
        ]),
  ]);

const linksOf = ({ ready, reasons, links, dials, lately }: Status): readonly Finding[] => [
  ...(ready ? [] : [problem("it is not ready", reasons.join("; "))]),
  ...(ready ? reasons.map((reason) => warning("something is missing", reason)) : []),
  ...links.map(({ key, address, state, roundTripMs, program, streams }) => {
    const what = `link ${key} ${address}: round trip ${roundTripMs === null ? "not measured yet" : `${roundTripMs} ms`}, ${program === null ? "unknown version" : `version ${program}`}, ${streams} under way`;
    return state === "silent"
      ? warning(`${what}, and it does not answer`, "look at the network between the two sides")
      : ok(what);
  }),
  ...dials
    .filter(({ state }) => state !== "up")
    .map(({ edge, tries, why }) =>
      warning(
        `${edge} is not reached, after ${counted(tries, "try", "tries")}: ${why}`,
        "coilgun-origin check says what fails",
      ),
    ),
  ...(lately.seconds > 0
    ? [
        ok(
          `links carried ${rate(lately.linkSentBytes, lately.seconds)} out and ${rate(lately.linkReceivedBytes, lately.seconds)} in`,
        ),
      ]
    : []),
];

const rate = (bytes: number, seconds: number): string => `${printBytes(Math.round(bytes / seconds))}/s`;

const times = (answers: Status["lately"]["answers"], ...names: readonly string[]): number =>
  answers.filter(({ answer }) => names.includes(answer)).reduce((sum, each) => sum + each.times, 0);

const percentOf = (part: number, all: number): string => `${Math.round((100 * part) / all)} %`;

/** A version that goes sooner is of use to few who come back. */
const SHORT_LIFE_SECONDS = 600;
/** Of the pages' bytes on the link: where it is less, what is missed is not missed much. */
const MUCH = 0.2;

/** A base that is gone is seldom told as such, since another page of its template is offered in its place, and helps less. */
const storeOf = ({ store, upSeconds, lately }: Status): readonly Finding[] => {
  const { bytes, mostBytes, versions, evicted } = store;
  const what = `store: ${printBytes(bytes)} of ${printBytes(mostBytes)}, ${counted(versions, "version")}, ${evicted} had to go`;
  const missed = lately.answers
    .filter(({ reason }) => reason === "evicted" || reason === "not-held")
    .reduce((sum, each) => sum + each.times, 0);
  const all = times(lately.answers, "same", "delta", "whole");
  if (missed > SHARE * all)
    return [
      warning(
        `${what}; ${percentOf(missed, all)} of the answers had a base that was gone`,
        "store.size larger",
      ),
    ];
  // By what goes in a second.
  const lifeSeconds = evicted === 0 ? Infinity : Math.round((versions * upSeconds) / evicted);
  return [
    lifeSeconds < SHORT_LIFE_SECONDS && lately.linkBytes > MUCH * lately.pageBytes
      ? warning(
          `${what}, after ${lifeSeconds} s on average, and pages crossed the link as more than ${percentOf(MUCH, 1)} of their bytes`,
          "store.size larger",
        )
      : ok(what),
  ];
};

/** Of what the config puts below memory: what the running daemon does not use. @internal */
export const tiersOf = (
  { store: { tiers } }: Status,
  { file, shared }: Pick<StoreSettings, "file" | "shared">,
): readonly Finding[] =>
  Object.entries({ file, shared })
    .filter(([, named]) => named !== undefined)
    .flatMap(([name]) => {
      const state = tiers.find(({ tier }) => tier === name);
      if (state?.reached) return [];
      return state === undefined
        ? [
            problem(
              `store.${name} is not used by the daemon, which could not open it or began without this setting`,
              "its log says so at the start; restart it once that is mended",
            ),
          ]
        : [
            warning(
              `store.${name} is not used at present: versions are in memory alone`,
              `docs/events.md, ${name === "file" ? "file of versions" : "shared store"}`,
            ),
          ];
    });

/** For what no setting and no site's word helps against: docs/operations.md, Why an answer was whole. */
const CANNOT_BE_HELPED: ReadonlySet<string> = new Set([
  "first-visit",
  "capability",
  "connection-login",
  "foreign",
  "other-origin-side",
] satisfies readonly NoBase[]);

const savingOf = ({ lately }: Status): readonly Finding[] => {
  const { answers, pageBytes, linkBytes } = lately;
  const built = times(answers, "same", "delta");
  const all = built + times(answers, "whole");
  if (all === 0) return [ok("no visits of late, so nothing is known of the saving")];
  const what = `${percentOf(built, all)} of the answers had a base, and pages crossed the link as ${percentOf(linkBytes, Math.max(1, pageBytes))} of their bytes`;
  const reasons = answers
    .filter(
      ({ answer, reason, times: number }) => answer === "whole" && reason !== "" && number > SHARE * all,
    )
    .map(({ reason, times: number }) => {
      const share = `${percentOf(number, all)} of the answers were whole: ${reason}`;
      return CANNOT_BE_HELPED.has(reason)
        ? ok(`${share} (${inWords(reason)})`)
        : warning(share, inWords(reason));
    });
  return [ok(what), ...reasons];
};

const troublesOf = ({ mismatches, queue, refused, lately }: Status): readonly Finding[] => [
  ...(mismatches > 0
    ? [
        warning(
          `${counted(mismatches, "delta")} did not verify since the start; visitors got the right pages`,
          "docs/events.md, delta did not verify",
        ),
      ]
    : []),
  ...(queue > 0
    ? [
        warning(
          `${counted(queue, "request")} ${queue === 1 ? "waits" : "wait"} for a place at a web server`,
          "connections of the route, or a faster web server",
        ),
      ]
    : []),
  ...refused
    .filter(({ times: number }) => number > 0)
    .map(({ limit, times: number }) =>
      warning(
        `${limit} was reached ${counted(number, "time")} since the start`,
        "raise it if it met visitors of yours",
      ),
    ),
  ...lately.failures
    .filter(({ times: number }) => number > FAILURES * Math.max(1, lately.visits))
    .map(({ code, times: number }) =>
      warning(
        `${counted(number, "request")} failed: ${code}`,
        "docs/operations.md, Errors of the edge's own",
      ),
    ),
];

/** Of late, as the numbers are. */
const LATELY_MS = 300_000;

/** What was logged as an error of late, once each: it may go on, as a disk that is full does, without any number that shows it. */
const errorsOf = ({ at, events }: Status): readonly Finding[] => {
  const errors = events.filter(
    (each) => each.level === "error" && Date.parse(at) - Date.parse(each.at) <= LATELY_MS,
  );
  return [...new Set(errors.map(({ event }) => event))].map((event) => {
    const of = errors.filter((each) => each.event === event);
    return warning(
      `"${event}" was logged ${counted(of.length, "time")} of late, at ${of[0]?.at} last`,
      `its log says more; docs/events.md, ${event}`,
    );
  });
};
