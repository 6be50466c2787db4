/** A try: fetches a site's pages in rounds, and carries each answer through a pair that it starts itself over an emulated line. */
import { createHash } from "node:crypto";
import { parseHostName } from "../../protocol/config/units.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { Complaint } from "../../protocol/runtime/user-error.ts";
import { baselinesOf } from "../corpus/baselines.ts";
import { groundOfMeasurement } from "../corpus/versions.ts";
import { startProgram } from "../pair/program.ts";
import type { LinkSettings } from "../pair/stage.ts";
import { startReplayOrigin } from "../replay/replay-origin.ts";
import { startCountingRelay } from "../rig/counting-relay.ts";
import { joinPair } from "../rig/daemon-pair.ts";
import { visitorOf } from "../rig/visitor.ts";
import { type Carrier, carry } from "./carry.ts";
import { fetchRounds, type RoundsOptions, type Wanted } from "./fetch-rounds.ts";
import { printedUrl } from "./printed-url.ts";
import type { SiteAnswer, SiteClient } from "./site-client.ts";
import { type Measured, reportOn, type TryReport } from "./try-report.ts";

export interface TryOptions extends RoundsOptions {
  readonly line: LinkSettings;
  readonly visitsPerDay: number;
  /** What day it is, for the report. */
  readonly at: Date;
  /** What was said to the person who waits. */
  readonly notes: ReadonlySet<string>;
}

/** Throws Complaint where nothing could be measured; faults are in the report. */
export async function measureSite(site: SiteClient, wanted: Wanted, options: TryOptions): Promise<TryReport> {
  const { line, visitsPerDay, at } = options;
  await using stage = new Stage(options);
  const measured: Measured[] = [];
  for await (const { page, visit, answer } of fetchRounds(site, wanted, options)) {
    const carried = await carry(answer, await stage.for(answer.url));
    const [contentType = ""] = (fieldIn(answer, "content-type") ?? "").split(";");
    measured.push({
      page,
      visit,
      url: printedUrl(answer.url),
      contentType: contentType.trim().toLowerCase(),
      status: answer.status,
      digest: createHash("sha256").update(answer.body).digest("hex"),
      pageBytes: answer.body.length,
      sentBytes: answer.sent.length,
      baselines: await baselinesOf(answer.body),
      siteFirstByteMs: answer.firstByteMs,
      carried,
    });
  }
  if (measured.length === 0) throw new Complaint("nothing was measured; the lines above say why");
  const { rttMs, bytesPerSecond } = line;
  return reportOn(measured, {
    at: at.toISOString(),
    line: { rttMs, bytesPerSecond },
    visitsPerDay,
    notes: [...options.notes],
    versions: groundOfMeasurement(),
  });
}

const fieldIn = ({ head }: SiteAnswer, wanted: string): string | undefined =>
  head.find(([name]) => name.toLowerCase() === wanted)?.[1];

/** A pair for each host, started when its first page is there: only then is known which hosts a site has. */
class Stage implements AsyncDisposable {
  readonly #options: TryOptions;
  readonly #carriers = new Map<string, Carrier>();
  readonly #running = new AsyncDisposableStack();

  constructor(options: TryOptions) {
    this.#options = options;
  }

  async for({ hostname }: URL): Promise<Carrier> {
    const found = this.#carriers.get(hostname) ?? (await this.#start(parseHostName(hostname)));
    this.#carriers.set(hostname, found);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
  }

  async #start(host: string): Promise<Carrier> {
    const { clock, signal, line } = this.#options;
    const running = this.#running;
    const over = async (target: string): Promise<string> => {
      const emulator = await startProgram("emulator", { target, ...line }, { clock, signal });
      running.defer(() => emulator.close());
      return emulator.address;
    };
    const origin = await startReplayOrigin();
    running.defer(() => origin.close());
    const routes = [{ host, origin: origin.address }];
    const pair = await joinPair({ routes, clock, signal }, async (edge) => {
      const relay = await startCountingRelay(edge);
      return { address: await over(relay.address), read: relay.read, close: relay.close };
    });
    running.defer(() => pair.stop());
    const visitorAt = (address: string, clock: Clock) => {
      const visitor = visitorOf(address, clock);
      running.defer(async () => visitor.close());
      return visitor;
    };
    return {
      origin,
      pair: visitorAt(pair.visitors, clock),
      straight: visitorAt(await over(origin.address), clock),
      link: pair.link,
      exchanges: pair.exchanges,
      clock,
      signal,
    };
  }
}
