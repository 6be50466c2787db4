/**
 * A capture: visits to a real application in their order, each with the response's own head, the cookies that the browser sent,
 * its session and the network it came from. A folder with `manifest.json` (an object, where a corpus has an array) and
 * `bodies/`; the format is documented in bench/README.md.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CorpusError, parseManifest, pathInManifest, reasonOf, staysInside } from "./corpus.ts";

const VISIT = z.object({
  /** Milliseconds since the capture began. */
  at: z.number().nonnegative(),
  /** Between rounds the site's pages were changed. */
  round: z.int().positive().optional(),
  session: z.string().min(1),
  /** The visitor's address. */
  network: z.union([z.ipv4(), z.ipv6()]),
  path: z.string().startsWith("/", "must be a request target such as /page?n=1"),
  /** What the browser sent; empty for none. */
  cookie: z.string(),
  status: z.int().min(200).max(599),
  /** Fields in order, without those of one hop. */
  head: z.array(z.tuple([z.string(), z.string()])),
  /** A file in `bodies/`, without content coding. */
  body: z.string().refine(staysInside, "must name a file in bodies/"),
});

const MANIFEST = z.object({
  app: z.string().min(1),
  /** The Host that was asked for, with its port if it had one. */
  host: z.string().min(1),
  visits: z.array(VISIT).min(1, "needs at least one visit"),
});

export type RecordedVisit = z.infer<typeof VISIT>;

export interface Capture {
  readonly app: string;
  readonly host: string;
  /** In the order of the capture. */
  readonly visits: readonly RecordedVisit[];
  /** A visit's body; throws CorpusError when it can no longer be read. */
  read(visit: RecordedVisit): Buffer;
}

/** Reads and checks the capture in `folder`: undefined where it holds a corpus instead. Throws CorpusError with every problem. */
export function readCapture(folder: string): Capture | undefined {
  const written = parseManifest(folder);
  if (Array.isArray(written)) return undefined;
  const manifest = MANIFEST.safeParse(written);
  if (!manifest.success)
    throw new CorpusError(
      folder,
      manifest.error.issues.map((issue) => `${pathInManifest(issue.path)}: ${issue.message}`),
    );
  const fileOf = (body: string) => join(folder, "bodies", body);
  const missing = [...new Set(manifest.data.visits.map(({ body }) => body))].filter(
    (body) => !statSync(fileOf(body), { throwIfNoEntry: false })?.isFile(),
  );
  if (missing.length > 0)
    throw new CorpusError(
      folder,
      missing.map((body) => `bodies/${body}: no such file, but a visit names it`),
    );
  return {
    ...manifest.data,
    read({ body }) {
      try {
        return readFileSync(fileOf(body));
      } catch (error) {
        throw new CorpusError(folder, [`bodies/${body}: ${reasonOf(error)}`]);
      }
    },
  };
}
