/** Layouts of the frames that belong to one stream. SPEC section "Stream frames". */

import { LinkError, STREAM_ERRORS, streamErrorOf } from "../errors.ts";
import { SHORT_FINGERPRINT_BYTES } from "../store/fingerprint.ts";
import type { ByteReader, ByteWriter } from "../wire/bytes.ts";
import {
  type Extension,
  NO_EXTENSIONS,
  readExtensions,
  writeExtensions,
  writeSizedExtensions,
} from "../wire/extensions.ts";
import { answerForms } from "./answer-form.ts";
import {
  MOST_OFFERS,
  type OffersFrame,
  type OpenFrame,
  RUNNING_DIGEST_BYTES,
  type StreamFrame,
  type StreamId,
} from "./frame.ts";
import type { FrameHeaderDecoder, FrameHeaderEncoder } from "./frame-headers.ts";
import type { FrameLayouts } from "./frame-layout.ts";
import type { GivenBy } from "./given-cookies.ts";
import type { CarriedVersions } from "./offer-references.ts";

/** Bits of the flags byte of open; urgency stands in bits 3 to 5. Bits not named are zero, and ignored when read. */
const OPEN = { ended: 0x01, session: 0x02, timings: 0x04, incremental: 0x40, addressed: 0x80 } as const;
const URGENCY_SHIFT = 3;

const streamId = (r: ByteReader): StreamId => {
  const id = r.varint();
  if (id === 0) throw new LinkError("bad-frame", "stream 0 does not exist");
  return id as StreamId;
};

/** The length of a list of extensions that is empty, as it is in nearly every frame. */
const NO_BYTES = 0;

const readSizedExtensions = (r: ByteReader): readonly Extension[] => {
  const bytes = r.varint();
  return bytes === NO_BYTES ? NO_EXTENSIONS : readExtensions(r.part(bytes));
};

/** Written in place of a distance: the short fingerprint follows. */
const IN_FULL = 0;

/** The high half of the byte that counts offers says of which answer the frame is the acknowledgement. */
const VERIFIED_SHIFT = 4;

/** In place of their count: they are named by a frame of their own. */
const THEY_FOLLOW = 15;

const countOf = (frame: OpenFrame | OffersFrame): number => {
  const count = frame.offers.length;
  if (frame.kind === "offers") return count;
  return (frame.offersFollow ? THEY_FOLLOW : count) | ((frame.verified ?? 0) << VERIFIED_SHIFT);
};

const writeOffers = (w: ByteWriter, frame: OpenFrame | OffersFrame, carried: CarriedVersions): void => {
  const { streamId, offers } = frame;
  const distances = carried.distancesTo(offers, streamId);
  w.u8(countOf(frame));
  for (let i = 0; i < offers.length; i++) {
    const distance = distances[i];
    if (distance === undefined) w.varint(IN_FULL).latin1(offers[i] as string);
    else w.varint(distance);
  }
};

const readOpenOffers = (
  r: ByteReader,
  streamId: StreamId,
  { carried, acknowledging }: FrameHeaderDecoder,
): Pick<OpenFrame, "offers" | "offersFollow" | "verified"> => {
  const byte = r.u8();
  const verified = acknowledging ? byte >> VERIFIED_SHIFT : 0;
  const count = byte - (verified << VERIFIED_SHIFT);
  if (verified >= streamId)
    throw new LinkError("bad-frame", `stream ${streamId} acknowledges an answer ${verified} streams ago`);
  const offersFollow = count === THEY_FOLLOW || undefined;
  const offers = offersFollow ? [] : readOffers(r, count, streamId, carried);
  return { offers, offersFollow, verified: verified > 0 ? verified : undefined };
};

const readOffers = (r: ByteReader, count: number, streamId: StreamId, carried: CarriedVersions): string[] => {
  if (count > MOST_OFFERS)
    throw new LinkError("bad-frame", `a request offers ${count} versions, more than ${MOST_OFFERS}`);
  const offers: (string | number)[] = [];
  while (offers.length < count) {
    const distance = r.varint();
    offers.push(distance === IN_FULL ? r.latin1(SHORT_FINGERPRINT_BYTES) : distance);
  }
  return carried.allAt(streamId, offers);
};

const known = <Headers extends FrameHeaderEncoder | FrameHeaderDecoder>(
  headers: Headers | undefined,
): Headers => {
  if (headers === undefined) throw new LinkError("bad-frame", "a head before the hellos were exchanged");
  return headers;
};

const givenBefore = (streamId: StreamId, { given }: FrameHeaderEncoder) =>
  given && ((pair: string) => given.find(streamId, pair));
const givenAt = (streamId: StreamId, { given }: FrameHeaderDecoder) =>
  given && ((by: GivenBy) => given.at(streamId, by));

export const streamFrames: FrameLayouts<StreamFrame> = {
  open: {
    write(w, f, frameHeaders) {
      const headers = known(frameHeaders);
      const flags =
        (f.ended ? OPEN.ended : 0) |
        (f.session ? OPEN.session : 0) |
        (f.timings ? OPEN.timings : 0) |
        (f.incremental ? OPEN.incremental : 0) |
        (f.addressed ? OPEN.addressed : 0) |
        (f.urgency << URGENCY_SHIFT);
      w.varint(f.streamId).u8(flags);
      headers.encode(w, f.head, givenBefore(f.streamId, headers));
      writeOffers(w, f, headers.carried);
      if (f.extensions.length > 0) writeSizedExtensions(w, f.extensions);
      else w.varint(NO_BYTES);
      w.bytes(f.body);
    },
    read(r, frameHeaders) {
      const headers = known(frameHeaders);
      const id = streamId(r);
      const flags = r.u8();
      const head = headers.decode(r, givenAt(id, headers));
      const { offers, offersFollow, verified } = readOpenOffers(r, id, headers);
      // Without spreads, which take as long as all the rest of it.
      return {
        kind: "open",
        streamId: id,
        ended: (flags & OPEN.ended) !== 0,
        session: (flags & OPEN.session) !== 0,
        addressed: (flags & OPEN.addressed) !== 0 || undefined,
        timings: (flags & OPEN.timings) !== 0,
        urgency: (flags >> URGENCY_SHIFT) & 7,
        incremental: (flags & OPEN.incremental) !== 0,
        head,
        offers,
        offersFollow,
        verified,
        extensions: readSizedExtensions(r),
        body: r.rest(),
      };
    },
  },
  answer: {
    write(w, f, frameHeaders) {
      const headers = known(frameHeaders);
      w.varint(f.streamId);
      answerForms.write(w, f.form, f.ended);
      headers.encode(w, f.head);
      headers.carried.answered(f.streamId, f.form);
      headers.given?.answered(f.streamId, f.head);
      if (f.extensions.length > 0) writeSizedExtensions(w, f.extensions);
      else w.varint(NO_BYTES);
      w.bytes(f.body);
    },
    read(r, frameHeaders) {
      const headers = known(frameHeaders);
      const id = streamId(r);
      const { form, ended } = answerForms.read(r, r.u8());
      const before = r.left;
      const head = headers.decode(r);
      const blockBytes = before - r.left;
      const extensions = readSizedExtensions(r);
      const body = r.rest();
      headers.carried.answered(id, form);
      headers.given?.answered(id, head);
      if (form.kind === "interim" && (ended || body.length > 0))
        throw new LinkError("bad-frame", "an interim answer with a body or an end");
      return { kind: "answer", streamId: id, ended, form, head, blockBytes, extensions, body };
    },
  },
  offers: {
    write(w, f, headers) {
      w.varint(f.streamId);
      writeOffers(w, f, known(headers).carried);
      writeExtensions(w, f.extensions);
    },
    read(r, headers) {
      const id = streamId(r);
      const offers = readOffers(r, r.u8(), id, known(headers).carried);
      return { kind: "offers", streamId: id, offers, extensions: readExtensions(r) };
    },
  },
  data: {
    write: (w, f) => void w.varint(f.streamId).bytes(f.bytes),
    read: (r) => ({ kind: "data", streamId: streamId(r), bytes: r.rest() }),
  },
  trailers: {
    write(w, f, headers) {
      w.varint(f.streamId);
      known(headers).encode(w, f.head);
    },
    read: (r, headers) => ({ kind: "trailers", streamId: streamId(r), head: known(headers).decode(r) }),
  },
  end: {
    write(w, f) {
      w.varint(f.streamId).u8(f.how === "complete" ? 0 : 1);
      writeExtensions(w, f.extensions);
    },
    read: (r) => ({ kind: "end", streamId: streamId(r), how: readHow(r), extensions: readExtensions(r) }),
  },
  reset: {
    write(w, f) {
      w.varint(f.streamId).varint(STREAM_ERRORS[f.code].wire);
      writeExtensions(w, f.extensions);
    },
    read: (r) => ({
      kind: "reset",
      streamId: streamId(r),
      code: streamErrorOf(r.varint()),
      extensions: readExtensions(r),
    }),
  },
  stopSending: {
    write: (w, f) => void w.varint(f.streamId).varint(STREAM_ERRORS[f.code].wire),
    read: (r) => ({ kind: "stopSending", streamId: streamId(r), code: streamErrorOf(r.varint()) }),
  },
  segment: {
    write: (w, f) => void w.varint(f.streamId).latin1(f.digest),
    read: (r) => ({ kind: "segment", streamId: streamId(r), digest: r.latin1(RUNNING_DIGEST_BYTES) }),
  },
  resume: {
    write: (w, f) =>
      void w
        .varint(f.streamId)
        .varint(f.offset)
        .varint(f.codec)
        .latin1(f.tag ?? ""),
    read(r) {
      const resume = {
        kind: "resume",
        streamId: streamId(r),
        offset: r.varint(),
        codec: r.varint(),
      } as const;
      return r.left === 0 ? resume : { ...resume, tag: r.latin1(r.left) };
    },
  },
  verified: {
    write: (w, f) => void w.varint(f.streamId).varint(f.offset),
    read: (r) => ({ kind: "verified", streamId: streamId(r), offset: r.varint() }),
  },
  askWhole: {
    write: (w, f) => void w.varint(f.streamId).varint(f.offset),
    read: (r) => ({ kind: "askWhole", streamId: streamId(r), offset: r.varint() }),
  },
};

const readHow = (r: ByteReader): "complete" | "closed" => {
  const how = r.u8();
  if (how > 1) throw new LinkError("bad-frame", `unknown kind of end ${how}`);
  return how === 0 ? "complete" : "closed";
};
