/** An edge's exchange on a stream without a link, and all that rebuilding its answer gave out, kept and said. */

import { decodeAnswer } from "../../edge-side/answer/decode-answer.ts";
import type { DecodeContext } from "../../edge-side/answer/decode-context.ts";
import { tagResumed } from "../../edge-side/answer/restore-etag.ts";
import {
  type BodyBeginning,
  type Exchange,
  type ExchangeEvents,
  NO_BODY_YET,
  openExchange,
} from "../../edge-side/exchange/exchange.ts";
import { HeldPages, VisitMemory } from "../../edge-side/exchange/visit-memory.ts";
import type { AnswerForm, AnswerFrame } from "../../protocol/frames/frame.ts";
import { MIXED_SPLICES } from "../../protocol/frames/mixed-splices.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import { NO_EXTENSIONS } from "../../protocol/wire/extensions.ts";
import { versionOf } from "./answering.ts";
import { FakeClock } from "./fake-clock.ts";
import { FAKE_ID, FakeStream } from "./fake-stream.ts";

/** What an exchange tells whoever opened it, in order; `interim` heads apart. */
export class HeardEvents implements ExchangeEvents {
  readonly said: string[] = [];
  readonly interims: AnswerFrame[] = [];
  /** Thrown at an interim head. */
  refusal: Error | undefined;

  interim(answer: AnswerFrame): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.interims.push(answer);
  }
  room(): void {
    this.said.push("room");
  }
  refused(): void {
    this.said.push("refused");
  }
  lost(): void {
    this.said.push("lost");
  }
  suspect(): void {
    this.said.push("suspect");
  }
}

export const outgoing = (
  beginning: BodyBeginning = NO_BODY_YET,
  {
    load = 0,
    features = [MIXED_SPLICES],
  }: { readonly load?: number; readonly features?: readonly string[] } = {},
): { stream: FakeStream; exchange: Exchange; events: HeardEvents } => {
  const stream = new FakeStream();
  const link = {
    accepts: true,
    peer: { features },
    open(item: FakeStream["sent"][number]) {
      stream.sent.push(item);
      return stream.asStream;
    },
  } as unknown as Link;
  const head = [":method", "GET", ":target", "/", "Host", "www.example.com"];
  const events = new HeardEvents();
  const request = {
    head,
    offering: { offers: [], wholeUnits: 0, sizes: undefined },
    session: false,
    addressed: false,
    urgency: 3,
    incremental: false,
    visitorConnection: undefined,
    madeId: undefined,
    timings: false,
    load,
    beginning,
  };
  return { stream, exchange: openExchange(link, request, events), events };
};

export interface RebuildOptions {
  readonly offered?: readonly Buffer[];
  /** What the store held of the offered versions has turned out to be damaged. */
  readonly damaged?: boolean;
  readonly pageBytes?: number;
  readonly shareBytes?: number;
  readonly clock?: Clock;
}

/** Begins to rebuild an answer of this form; its frames are said by the test, and what comes out is kept at once. */
export const decoding = (
  form: AnswerForm,
  options: RebuildOptions = {},
  first: { body?: Buffer; ended?: boolean } = {},
) => {
  const { stream, exchange } = outgoing();
  const memory = new MemoryBudget({ totalBytes: 1 << 27, shareBytes: options.shareBytes ?? 1 << 27 });
  const clock = options.clock ?? new FakeClock();
  const visit = new VisitMemory({ clock, memory, heldPages: new HeldPages(memory) }, "k");
  const out = {
    pieces: [] as Buffer[],
    remembered: [] as Buffer[],
    mismatched: [] as (readonly Version[])[],
    end: undefined as string | undefined,
    failed: undefined as string | undefined,
    get body() {
      return Buffer.concat(out.pieces);
    },
    get bytes() {
      return out.pieces.reduce((sum, { length }) => sum + length, 0);
    },
    get over() {
      return out.end !== undefined || out.failed !== undefined;
    },
  };
  const settings: DecodeContext = {
    collectedAt: undefined,
    offers: {
      versions: (options.offered ?? [])
        .map(versionOf)
        .map((version) => (options.damaged ? { ...version, body: Buffer.alloc(0) } : version)),
    },
    clock,
    pageBytes: options.pageBytes ?? 1 << 23,
    memory: visit,
    remember(body, fingerprint) {
      if (fingerprint !== fingerprintOf(body)) throw new Error("remembered under a wrong name");
      out.remembered.push(Buffer.from(body));
    },
    onMismatch: (bases) => out.mismatched.push(bases),
    resumed: (tag) => tagResumed(undefined, tag),
    decoded() {},
  };
  const answer: AnswerFrame = {
    kind: "answer",
    streamId: FAKE_ID,
    ended: first.ended ?? false,
    form,
    head: [":status", "200"],
    blockBytes: 0,
    extensions: NO_EXTENSIONS,
    body: first.body ?? Buffer.alloc(0),
  };
  const run = async (): Promise<void> => {
    try {
      const body = await decodeAnswer(answer, exchange, settings);
      if ("page" in body) {
        if (body.page.length > 0) out.pieces.push(Buffer.from(body.page));
        out.end = body.end.how;
        return;
      }
      for (let step = await body.next(); ; step = await body.next()) {
        if (step.done) {
          out.end = step.value.how;
          return;
        }
        out.pieces.push(Buffer.from(step.value));
      }
    } catch (error) {
      out.failed = (error as { code?: string }).code ?? String(error);
    }
  };
  const done = run();
  return {
    stream,
    exchange,
    lease: visit.lease,
    visit,
    memory,
    out,
    done,
    data: (bytes: Uint8Array) => stream.says({ kind: "data", streamId: FAKE_ID, bytes }, bytes.length),
    segment: (digest: string) => stream.says({ kind: "segment", streamId: FAKE_ID, digest }, digest.length),
    resume: (offset: number, codec = 1) => stream.says({ kind: "resume", streamId: FAKE_ID, offset, codec }),
    end: (how: "complete" | "closed" = "complete") =>
      stream.says({ kind: "end", streamId: FAKE_ID, how, extensions: NO_EXTENSIONS }),
  };
};
