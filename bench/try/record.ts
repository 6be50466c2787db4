/**
 * `coilgun-bench record <url...> --out <folder>`: keeps a site's answers as a capture, with their heads and the cookies that were sent, for
 * `replay`. The files hold what the site said to these cookies: only their owner may read them.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { writeNewPrivateFile } from "../../protocol/daemon/private-file.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { Complaint } from "../../protocol/runtime/user-error.ts";
import type { RecordedVisit } from "../corpus/capture.ts";
import { interruptible } from "../rig/interrupt.ts";
import { fetchRounds, type RoundsOptions, type Wanted } from "./fetch-rounds.ts";
import type { SiteAnswer, SiteClient } from "./site-client.ts";
import { openSite, type SiteFlags, withSiteFlags } from "./site-flags.ts";

/** An address for documentation (RFC 5737): the visitor's own is nobody's business. */
const NETWORK = "192.0.2.1";
const PRIVATE_FOLDER = 0o700;

/** Writes the capture into `folder`, which must be empty or not exist; resolves with the number of visits. @internal */
export async function recordSite(
  site: SiteClient,
  wanted: Wanted,
  { folder, session, ...options }: RoundsOptions & { readonly folder: string; readonly session: string },
): Promise<number> {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Complaint(`${folder} is not empty; name a new folder, so that nothing of yours is overwritten`);
  const bodies = join(folder, "bodies");
  mkdirSync(bodies, { recursive: true, mode: PRIVATE_FOLDER });
  const written = new Set<string>();
  const visits: RecordedVisit[] = [];
  let host: string | undefined;
  const begun = options.clock.now();
  for await (const { answer } of fetchRounds(site, wanted, options)) {
    host ??= answer.url.host;
    if (answer.url.host !== host)
      throw new Complaint(
        `a capture is of one host, and these are ${host} and ${answer.url.host}: record each by itself`,
      );
    const body = createHash("sha256").update(answer.body).digest("hex");
    if (!written.has(body)) writeNewPrivateFile(join(bodies, body), answer.body);
    written.add(body);
    visits.push(visitOf(answer, { at: sinceThen(options.clock, begun), session, body }));
  }
  if (host === undefined) throw new Complaint("nothing was recorded; the lines above say why");
  const manifest = { app: host, host, visits };
  writeNewPrivateFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 1)}\n`);
  return visits.length;
}

const sinceThen = (clock: Clock, begun: number): number => Math.round(clock.now() - begun);

const visitOf = (
  { url, status, head, body: bytes, sent, cookie }: SiteAnswer,
  { at, session, body }: { at: number; session: string; body: string },
): RecordedVisit => {
  const coded = !bytes.equals(sent);
  return {
    at,
    session,
    network: NETWORK,
    path: url.pathname + url.search,
    cookie: cookie ?? "",
    status,
    head: coded ? uncodedHead(head, bytes.length) : head.map(([name, value]) => [name, value]),
    body,
  };
};

/** The head of a body whose coding was undone. */
const uncodedHead = (head: SiteAnswer["head"], length: number): [string, string][] =>
  head
    .filter(([name]) => name.toLowerCase() !== "content-encoding")
    .map(([name, value]) => [name, name.toLowerCase() === "content-length" ? String(length) : value]);

export const recordCommand = (): Command =>
  withSiteFlags(new Command("record"))
    .description("keep pages of your site as a capture, with their heads, for replay")
    .requiredOption("--out <folder>", "a folder that is empty or does not exist yet")
    .action((urls: readonly URL[], flags: SiteFlags & { readonly out: string }) =>
      interruptible(async (signal) => {
        const { out: folder, cookieJar } = flags;
        await using run = await openSite(urls, flags, { coded: false, terminal: process.stderr, signal });
        const session = cookieJar === undefined ? "visitor-1" : "user-1";
        const visits = await recordSite(run.site, run.wanted, { ...run.options, folder, session });
        process.stdout.write(
          `Recorded ${visits} answers in ${folder}, with their cookies: keep it to yourself.\nNow: coilgun-bench replay ${folder}\n`,
        );
        return 0;
      }),
    );
