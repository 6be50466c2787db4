/**
 * Which visits a replay makes, and what the web server says to each: of a corpus, family after family with a head made up for
 * each page; of a capture, what was recorded, in its order and with its pauses.
 */
import { createHash } from "node:crypto";
import type { Capture } from "../corpus/capture.ts";
import { type Corpus, FAMILY_KINDS, type Family } from "../corpus/corpus.ts";
import type { Visit } from "../rig/visitor.ts";
import { BALANCER_COOKIE, type Head, madeUpHead } from "./made-up-head.ts";

export const REPORTED_KINDS = [...FAMILY_KINDS, "session"] as const;
export type ReportedKind = (typeof REPORTED_KINDS)[number];

/** What a report speaks of: a family of a corpus, or a session of a capture. */
export interface Reported {
  readonly name: string;
  readonly kind: ReportedKind;
}

export interface PlannedVisit {
  readonly family: Reported;
  /** Not one of the first visits, which build the bases. */
  readonly counted: boolean;
  readonly visit: Visit;
  readonly status: number;
  /** Between the page of the visit before and this one. */
  readonly pauseMs: number;
  /** What the web server says: read when its turn comes, as a corpus may be larger than memory. */
  readonly response: () => { readonly head: Head; readonly body: Buffer };
}

/** A page's first visits build its bases: they are not what the link is for, and are counted only on request. */
const UNCOUNTED = { timeseries: 1, template: 4, visitors: 5 } as const;

/** After each of the first people's visits: what they share is found between visits, not within one. */
const BETWEEN_PEOPLE_MS = 250;

export const hostOf = (family: Family): string => `${family.name}.replay.test`;

/** `/` for a URL that is asked again and again; a path of its own, as a site would name it, for a template's page. @internal */
export function pathOf(family: Family, version: number): string {
  if (family.kind !== "template") return "/";
  const file = family.versions[version]?.file ?? "";
  return `/pages/${encodeURIComponent(file.slice(file.lastIndexOf("/") + 1))}`;
}

/**
 * A page's visitor comes with what analytics and consent tools of a site leave behind, and what its balancer set. Of
 * `visitors` each version is another person's, by a session cookie of their own.
 */
const cookieOf = (family: Family, version: number): string | undefined => {
  if (family.kind === "visitors") return sessionOf(family, version);
  return version === 0 ? undefined : `${ANALYTICS_COOKIES}; ${BALANCER_COOKIE}`;
};

const sessionOf = (family: Family, version: number): string =>
  `session=${createHash("sha1").update(`${family.name} ${version}`).digest("hex")}`;

const ANALYTICS_COOKIES = "_ga=GA1.1.1836409215.1736150417; CookieConsent=true";

/** A reader of templates' pages comes to each from the site's front page. */
const refererOf = (family: Family): string | undefined =>
  family.kind === "template" ? `http://${hostOf(family)}/` : undefined;

/** The visits of a corpus: one visitor, but for the families of `visitors`. */
export const visitsOfCorpus = (corpus: Corpus): PlannedVisit[] =>
  corpus.families.flatMap((family) =>
    family.versions.map(({ file }, version): PlannedVisit => {
      const { contentType, kind } = family;
      const [personal, cookie] = [kind === "visitors", cookieOf(family, version)];
      return {
        family,
        counted: version >= UNCOUNTED[kind],
        visit: {
          host: hostOf(family),
          path: pathOf(family, version),
          contentType,
          cookie,
          referer: refererOf(family),
        },
        status: 200,
        pauseMs: personal && version > 0 && version <= UNCOUNTED.visitors ? BETWEEN_PEOPLE_MS : 0,
        response() {
          const body = corpus.read(file);
          return { head: madeUpHead({ body, contentType, version, personal, cookie }), body };
        },
      };
    }),
  );

/** The visits of a capture: each session is reported as a family. */
export function visitsOfCapture(capture: Capture): PlannedVisit[] {
  const sessions = new Set(capture.visits.map(({ session }) => session));
  const families = new Map([...sessions].map((name) => [name, { name, kind: "session" } as const]));
  return capture.visits.map((recorded, at): PlannedVisit => {
    const { session, path, cookie, network, status, head } = recorded;
    return {
      family: families.get(session) ?? { name: session, kind: "session" },
      counted: true,
      visit: {
        host: capture.host,
        path,
        contentType: head.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "",
        cookie: cookie === "" ? undefined : cookie,
        network,
      },
      status,
      pauseMs: Math.max(0, recorded.at - (capture.visits[at - 1]?.at ?? recorded.at)),
      response: () => ({ head, body: capture.read(recorded) }),
    };
  });
}
