/**
 * `COILGUN_TRACE=frames`: a line on standard error for every frame that a link sends or receives. The tap sits between link
 * and transport and reads the messages with header tables of its own, so a link that is not traced does nothing for it. What
 * the tap cannot read is the link's to judge: it says so once and is silent about that direction from then on.
 */

import { readFrame } from "../frames/frame-codec.ts";
import { FrameHeaderDecoder } from "../frames/frame-headers.ts";
import { GivenCookies } from "../frames/given-cookies.ts";
import type { Hello } from "../frames/hello.ts";
import { CarriedVersions } from "../frames/offer-references.ts";
import type { Clock } from "../runtime/clock.ts";
import { MAX_MESSAGE_BYTES, type Transport } from "../transport/transport.ts";
import { ByteReader } from "../wire/bytes.ts";
import { frameLine } from "./frame-line.ts";

type Direction = "sent" | "received";
/** Takes one line without its end. */
export type TraceSink = (line: string) => void;

interface Traced {
  readonly transport: Transport;
  readonly hello: Hello;
  readonly clock: Pick<Clock, "now">;
}

/** The sink that the environment asks for; undefined: no frame is traced. @internal */
export const frameTraceOf = (setting: string | undefined): TraceSink | undefined =>
  setting === "frames" ? (line) => void process.stderr.write(`${line}\n`) : undefined;

/** Read once: it is a matter of the whole process. */
const FRAME_TRACE = frameTraceOf(process.env.COILGUN_TRACE);

/** The transport that a link is to use: the very same unless frames are traced. */
export const withFrameTrace = (traced: Traced, sink: TraceSink | undefined = FRAME_TRACE): Transport =>
  sink === undefined ? traced.transport : tapped(traced, new FrameTrace(traced, sink));

class FrameTrace {
  readonly #prefix: string;
  readonly #clock: Pick<Clock, "now">;
  readonly #sink: TraceSink;
  readonly #carried = new CarriedVersions();
  readonly #given = new GivenCookies({ asks: false, longCookies: true });
  /** Size of the header table that each side announced; the smaller one holds. */
  readonly #tableBytes = new Map<Direction, number>();
  readonly #headers = new Map<Direction, FrameHeaderDecoder>();
  readonly #unreadable = new Set<Direction>();

  constructor({ transport, hello, clock }: Traced, sink: TraceSink) {
    this.#prefix = `trace ${hello.role} peer=${transport.peer.address}`;
    this.#clock = clock;
    this.#sink = sink;
  }

  message(direction: Direction, message: Uint8Array): void {
    if (this.#unreadable.has(direction)) return;
    const reader = new ByteReader(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
    try {
      while (reader.left > 0) this.#frame(direction, reader.frameBytes());
    } catch (error) {
      this.#unreadable.add(direction);
      const why = error instanceof Error ? error.name : "unknown";
      this.#line(direction, `cannot be read any further (${why})`);
    }
  }

  #frame(direction: Direction, bytes: Buffer): void {
    const frame = readFrame(new ByteReader(bytes), this.#headersOf(direction));
    if (frame === undefined) return this.#line(direction, `unknown bytes=${bytes.length}`);
    if (frame.kind === "hello") this.#tableBytes.set(direction, frame.tableBytes);
    this.#line(direction, frameLine(frame, bytes.length));
  }

  /** Undefined until both hellos have crossed; no head crosses before. */
  #headersOf(direction: Direction): FrameHeaderDecoder | undefined {
    const known = this.#headers.get(direction);
    if (known !== undefined || this.#tableBytes.size < 2) return known;
    const tableBytes = Math.min(...this.#tableBytes.values());
    // The link itself minds the exact bound of heads; this one keeps a head that grows as it is read within reason.
    const bounds = { tableBytes, headBytes: MAX_MESSAGE_BYTES };
    // Of sides that have not agreed on acknowledgements in open frames the bits that say one are 0.
    const made = new FrameHeaderDecoder(bounds, this.#carried, this.#given, true);
    this.#headers.set(direction, made);
    return made;
  }

  #line(direction: Direction, text: string): void {
    this.#sink(`${this.#prefix} ${this.#clock.now().toFixed(1)}ms ${direction} ${text}`);
  }
}

const tapped = ({ transport }: Traced, trace: FrameTrace): Transport => ({
  peer: transport.peer,
  get queuedBytes() {
    return transport.queuedBytes;
  },
  listen: (events) =>
    transport.listen({
      message(bytes) {
        trace.message("received", bytes);
        events.message(bytes);
      },
      drain: () => events.drain(),
      closed: (why) => events.closed(why),
    }),
  send(message) {
    trace.message("sent", message);
    transport.send(message);
  },
  setMaxMessageBytes: (bytes) => transport.setMaxMessageBytes(bytes),
  pause: () => transport.pause(),
  resume: () => transport.resume(),
  close: (why) => transport.close(why),
  destroy: (why) => transport.destroy(why),
  exportKey: (label, bytes) => transport.exportKey(label, bytes),
});
