/** The state of a daemon for people, in 80 columns where names allow it. */
import type { Status } from "./status.ts";

/** Before what each line says. */
export const STATUS_LABEL = 12;
const MOST_PAGES = 10;

/** Lines to print. */
export const printStatus = (status: Status): readonly string[] => [
  `${status.program} ${status.version}, up ${printAge(status.upSeconds)}, ${status.ready ? "ready" : "NOT READY"}`,
  ...part("", status.reasons),
  ...part("config", linesOfConfig(status)),
  ...part("links", linesOfLinks(status)),
  ...part("dials", status.dials.map(printDial)),
  ...part(
    "hosts",
    status.hosts.map(({ host, links, direct, visits, pageBytes, linkBytes }) =>
      [
        `${host}: ${direct ? "direct" : links === 0 ? "NO LINK" : several(links, "link")}, ${several(visits, "visit")}`,
        saved(pageBytes, linkBytes),
      ]
        .filter(Boolean)
        .join(", "),
    ),
  ),
  ...part("store", [
    `${printBytes(status.store.bytes)} of ${printBytes(status.store.mostBytes)}, ${several(status.store.versions, "version")}; ${status.store.evicted} had to go, ${status.store.expired} expired`,
    ...status.store.tiers
      .filter(({ reached }) => !reached)
      .map(({ tier }) => `store.${tier} NOT REACHED: what it has is not used`),
  ]),
  ...part(`last ${printAge(status.lately.seconds)}`, linesOfLately(status)),
  ...part("pages", linesOfPages(status)),
  ...part("queue", status.queue > 0 ? [`${several(status.queue, "request")} waiting for a web server`] : []),
  ...part(
    "refused",
    status.refused.map(({ limit, times }) => `${limit} ${times}`),
  ),
];

const part = (label: string, lines: readonly string[]): string[] =>
  lines.map((line, i) => `${(i === 0 ? label : "").padEnd(STATUS_LABEL)}${line}`);

const linesOfConfig = ({ sharedConfig }: Status): string[] => {
  if (sharedConfig === null) return [];
  const { from, version, at, state, why } = sharedConfig;
  return [
    `version ${version} of ${from}, signed ${at}`,
    ...(state === "current" ? [] : [`${state.toUpperCase()}: ${why}`]),
  ];
};

const linesOfLinks = ({ links }: Status): string[] =>
  links.length === 0
    ? ["none"]
    : links.map(
        ({
          key,
          address,
          state,
          upSeconds,
          roundTripMs,
          program,
          clockAheadMs,
          streams,
          sentBytes,
          receivedBytes,
        }) =>
          `${key} ${address} ${state} ${printAge(upSeconds)}, round trip ${roundTripMs === null ? "unknown" : `${roundTripMs} ms`}${program === null ? "" : `, version ${program}`}${clockAheadMs === null ? "" : `, ${printAhead(clockAheadMs)}`}, ${several(streams, "stream")}, ${printBytes(sentBytes)} out, ${printBytes(receivedBytes)} in`,
      );

/** `clock 1.2 s ahead`; two that tell the same tenth of a second agree. */
export const printAhead = (ms: number): string => {
  const seconds = (Math.abs(ms) / 1_000).toFixed(1);
  return seconds === "0.0" ? "clocks agree" : `clock ${seconds} s ${ms < 0 ? "behind" : "ahead"}`;
};

const printDial = ({ edge, state, tries, nextMs, why }: Status["dials"][number]): string => {
  const last = why === "" ? "" : `; the last one ended: ${why}`;
  if (state === "up") return `${edge} up`;
  if (nextMs === null) return `${edge} is dialled, try ${tries + 1}${last}`;
  return `${edge} waits ${(nextMs / 1_000).toFixed(1)} s for try ${tries + 2}${last}`;
};

const linesOfLately = ({ lately, mismatches }: Status): string[] => {
  const { visits, pageBytes, linkBytes, answers, failures } = lately;
  const forms = Map.groupBy(answers, ({ answer }) => answer);
  const reasons = (of: typeof answers) => {
    const said = of.filter(({ reason }) => reason !== "").map(({ reason, times }) => `${reason} ${times}`);
    return said.length === 0 ? "" : ` (${said.join(", ")})`;
  };
  return [
    `${several(visits, "visit")}, ${printBytes(pageBytes)} of pages, ${printBytes(linkBytes)} on the link${visits === 0 ? "" : `: ${saved(pageBytes, linkBytes)}`}`,
    ...[...forms].map(
      ([form, of]) => `${form} ${of.reduce((sum, { times }) => sum + times, 0)}${reasons(of)}`,
    ),
    ...(failures.length === 0
      ? []
      : [`failed: ${failures.map(({ code, times }) => `${code} ${times}`).join(", ")}`]),
    ...(mismatches === 0 ? [] : [`deltas that did not verify since the start: ${mismatches}`]),
  ];
};

const linesOfPages = ({ pages }: Status): string[] =>
  pages
    .slice(0, MOST_PAGES)
    .map(
      ({ host, path, visits, pageBytes, linkBytes }) =>
        `${host}${path}  ${several(visits, "visit")}, ${printBytes(pageBytes)}, ${saved(pageBytes, linkBytes)}`,
    );

const several = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** Empty where there was nothing to save. */
const saved = (pageBytes: number, linkBytes: number): string =>
  pageBytes === 0 ? "" : `${(100 * Math.max(0, 1 - linkBytes / pageBytes)).toFixed(1)} % saved`;

/** `1.5 MiB`; without the decimals that printSize would refuse to round. */
export const printBytes = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

const printAge = (seconds: number): string => {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
};
