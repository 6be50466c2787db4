/** What a daemon says of itself in every hello. SPEC section "Hello". */
import { randomBytes } from "node:crypto";
import { MASKED_TOKENS, UNITS_READ } from "../frames/answer-form.ts";
import { OMITTED_ETAGS } from "../frames/etag-formulas.ts";
import { LATER_OFFERS } from "../frames/frame.ts";
import { ACKS_IN_OPEN } from "../frames/frame-headers.ts";
import { GIVEN_COOKIES } from "../frames/given-cookies.ts";
import {
  type Hello,
  ID_BYTES,
  NONCE_BYTES,
  OLDEST_WIRE_VERSION,
  type Role,
  WIRE_VERSION,
} from "../frames/hello.ts";
import { MIXED_SPLICES } from "../frames/mixed-splices.ts";
import { PUSHES_NAMED } from "../frames/offer-references.ts";
import { CODED_REQUESTS } from "../frames/request-coding.ts";
import { FRESH_APART } from "../headers/fresh-parts.ts";
import { LONG_COOKIES } from "../headers/packed-runs.ts";
import { Mixer } from "../mixing/mixer.ts";
import type { Clock } from "../runtime/clock.ts";

/** Size of the header tables, each way. */
const TABLE_BYTES = 256 * 1024;
/** What this code can do beyond the wire's first version. */
const FEATURES = [
  "push",
  CODED_REQUESTS,
  OMITTED_ETAGS,
  MASKED_TOKENS,
  GIVEN_COOKIES,
  UNITS_READ,
  ACKS_IN_OPEN,
  LATER_OFFERS,
  PUSHES_NAMED,
  FRESH_APART,
  LONG_COOKIES,
] as const;
/** First window of a stream; it grows where the path is long. */
const STREAM_BYTES = 128 * 1024;

export interface HelloSettings {
  readonly role: Role;
  readonly headBytes: number;
  readonly streamsPerLink: number;
  readonly pageBytes: number;
  /** Codec numbers, the preferred one first. */
  readonly codecs: readonly number[];
  /** Of a store that outlives this process; else one is made up. */
  readonly storeId?: string | undefined;
  /** What is shown of this side at the other one: the version of its program, and its clock. */
  readonly shown?: { readonly program: string; readonly clock: Pick<Clock, "today"> };
}

const randomId = (bytes: number): string => randomBytes(bytes).toString("latin1");

/** Makes hellos of one run: the same instance and store each time, a fresh nonce. */
export const helloMaker = (settings: HelloSettings): (() => Hello) => {
  const fixed = {
    kind: "hello",
    version: WIRE_VERSION,
    oldest: OLDEST_WIRE_VERSION,
    role: settings.role,
    instanceId: randomId(ID_BYTES),
    storeId: settings.storeId ?? randomId(ID_BYTES),
    headBytes: settings.headBytes,
    tableBytes: TABLE_BYTES,
    streamBytes: STREAM_BYTES,
    streams: settings.streamsPerLink,
    pageBytes: settings.pageBytes,
    codecs: settings.codecs,
    features: Mixer.works ? [...FEATURES, MIXED_SPLICES] : FEATURES,
  } as const;
  const { program, clock } = settings.shown ?? {};
  return () => ({
    ...fixed,
    nonce: randomId(NONCE_BYTES),
    program,
    today: clock && Math.round(clock.today()),
  });
};
