/**
 * One connection between an edge and an origin side, and the streams on it. The edge opens streams; everything else is the same on both
 * ends. A link lives through greeting, up and draining, and ends once, with a code that both logs show. SPEC sections "Link" and "Closing".
 */
import { LinkError, type LinkErrorCode } from "../errors.ts";
import type { ControlFrame, Frame, OpenFrame, VersionFrame } from "../frames/frame.ts";
import { readFrameBody } from "../frames/frame-codec.ts";
import type { FrameHeaderDecoder } from "../frames/frame-headers.ts";
import type { Hello } from "../frames/hello.ts";
import { SendBudget } from "../pacing/send-budget.ts";
import type { Timer } from "../runtime/clock.ts";
import type { Lease } from "../runtime/memory-budget.ts";
import { ByteReader, varintBytes } from "../wire/bytes.ts";
import { NO_EXTENSIONS } from "../wire/extensions.ts";
import { withFrameTrace } from "./frame-trace.ts";
import { EXPORTER_BYTES, EXPORTER_LABEL, Handshake, type Handshaken } from "./handshake.ts";
import { Keepalive } from "./keepalive.ts";
import type { Link, LinkEnd, LinkOptions, LinkVitals } from "./link-api.ts";
import { headCoders, mostMessageBytes } from "./link-context.ts";
import { linkLabel } from "./link-label.ts";
import { Scheduler } from "./scheduler.ts";
import type { StreamItem } from "./send-queue.ts";
import { Stream, type StreamHost } from "./stream.ts";
import { resetFor, StreamTable } from "./stream-table.ts";

interface Up extends Handshaken {
  readonly headers: FrameHeaderDecoder;
  readonly headBytes: number;
  readonly streamBounds: { readonly receiveBytes: number; readonly sendBytes: number };
  /** What larger stream windows hold of the memory budget. */
  readonly windows: Lease;
}

export class LinkEndpoint implements Link {
  readonly #options: LinkOptions;
  readonly #budget = new SendBudget();
  readonly #scheduler: Scheduler;
  readonly #streams: StreamTable;
  readonly #host: StreamHost;
  readonly #handshake: Handshake;
  /** Beats once the link is up: a peer that greets us is not pinged, and has a time of its own. */
  #keepalive: Keepalive | undefined;
  readonly #handshakeTimer: Timer;
  #up: Up | undefined;
  #received = 0;
  readonly peerAddress: string;
  draining = false;
  label: string | undefined;
  /** Later streams are refused, and the link closes when the last one is done. `#announced`: the peer knows, perhaps before. */
  #saidGoAway = false;
  #announced = false;
  #end: LinkEnd | undefined;

  constructor(options: LinkOptions) {
    const { clock, hello, keyProof, behindBalancer } = options;
    const transport = withFrameTrace(options);
    this.#options = { ...options, transport };
    this.peerAddress = transport.peer.address;
    this.#streams = new StreamTable(clock, transport);
    this.#scheduler = new Scheduler(transport, this.#budget, clock, this.#streams.opening);
    this.#host = this.#newHost();
    this.#handshake = new Handshake({
      ours: hello,
      keyProof,
      exported: (!behindBalancer && transport.exportKey(EXPORTER_LABEL, EXPORTER_BYTES)) || Buffer.alloc(0),
      send: (frame) => this.#scheduler.control(frame),
    });
    this.#handshakeTimer = clock.after(options.handshakeMs, () => this.close("silent", "no hello in time"));
    transport.listen({
      message: (bytes) => this.#message(bytes),
      drain: () => this.#scheduler.flush(),
      closed: (why) => this.#ended({ code: "internal", message: why }),
    });
  }

  get peer(): Hello {
    return this.#known.peer;
  }

  get keyId(): string {
    return this.#known.keyId;
  }

  get secret(): Link["secret"] {
    return this.#known.secret;
  }

  get accepts(): boolean {
    return this.#up !== undefined && this.load < this.#up.peer.streams && !this.draining && !this.#end;
  }

  get suspect(): boolean {
    return this.#keepalive?.suspect === true;
  }

  get vitals(): LinkVitals {
    return this.#budget.vitals(this.#received);
  }

  get load(): number {
    return this.#streams.size;
  }

  get underWay(): number {
    return this.#streams.underWay;
  }

  get headBytes(): number {
    return this.#known.headBytes;
  }

  open(item: Extract<StreamItem, { kind: "open" }>): Stream {
    const stream = new Stream(this.#host, this.#known.streamBounds, { urgency: item.urgency });
    this.#streams.add(stream);
    stream.send(item);
    return stream;
  }

  forget(host: string, url: string): void {
    this.#scheduler.control({ kind: "forget", host, url });
  }

  push(version: VersionFrame): void {
    this.#scheduler.control(version);
  }

  announceEnd(message: string): void {
    if (!this.#announced && this.#end === undefined) this.#sendGoAway("shutting-down", message);
    this.#announced = true;
  }

  drain(message: string): void {
    if (this.#saidGoAway || this.#end !== undefined) return;
    this.draining = true;
    this.#saidGoAway = true;
    this.announceEnd(message);
    this.#closeIfDone();
  }

  close(code: LinkErrorCode, message: string): void {
    if (this.#end !== undefined) return;
    this.#sendGoAway(code, message);
    this.#scheduler.flush();
    this.#options.transport.close(`${code}: ${message}`);
    this.#ended({ code, message });
  }

  get #known(): Up {
    if (this.#up !== undefined) return this.#up;
    throw new Error("the link has not greeted its peer yet");
  }

  #message(bytes: Buffer): void {
    if (this.#end !== undefined) return;
    this.#received += bytes.length;
    if (this.#keepalive !== undefined) this.#keepalive.alive = true;
    try {
      const reader = new ByteReader(bytes);
      while (reader.left > 0 && this.#end === undefined) {
        if (this.#up === undefined) this.#greeted(this.#handshake.receive(reader.frameBytes()));
        else this.#frame(reader.sized(), this.#up.headers);
      }
      this.#scheduler.throwIfUnread();
    } catch (error) {
      if (error instanceof LinkError) return this.close(error.code, error.message);
      this.close("internal", "an error inside; see the log of this side");
      throw error;
    }
  }

  #frame(body: ByteReader, headers: FrameHeaderDecoder): void {
    const bytes = body.left;
    const frame = readFrameBody(body, headers);
    if (frame) this.#dispatch(frame, bytes - 1 - ("streamId" in frame ? varintBytes(frame.streamId) : 0));
  }

  #greeted(handshaken: Handshaken | undefined): void {
    if (handshaken === undefined) return; // it goes on
    const { hello, transport, clock, heartbeatMs, memory, events } = this.#options;
    const { encoder, decoder } = headCoders(hello, handshaken.peer);
    this.#up = {
      ...handshaken,
      headers: decoder,
      headBytes: Math.min(hello.headBytes, handshaken.peer.headBytes),
      streamBounds: { receiveBytes: hello.streamBytes, sendBytes: handshaken.peer.streamBytes },
      windows: memory.lease(handshaken.keyId),
    };
    this.label = linkLabel(this.#options);
    this.#handshakeTimer.cancel();
    transport.setMaxMessageBytes(mostMessageBytes(hello));
    this.#scheduler.start(encoder);
    const ping = () => this.#scheduler.control({ kind: "ping", token: this.#budget.startPing(clock.now()) });
    this.#keepalive = new Keepalive(clock, { intervalMs: heartbeatMs, role: hello.role }, this.#streams, {
      ping,
      trusted: () => events.trusted?.(),
      dead: (silentMs) => this.close("silent", `nothing received for ${Math.round(silentMs)} ms`),
    });
    ping(); // the first round trip: a side that mostly receives would not measure one for long
    events.up(this);
  }

  #dispatch(frame: Frame, payloadBytes: number): void {
    switch (frame.kind) {
      case "ping":
        return this.#scheduler.control({ kind: "pong", token: frame.token, received: this.#received });
      case "pong":
        this.#budget.pong(frame.token, frame.received, this.#options.clock.now());
        return this.#scheduler.schedule();
      case "window":
        this.#budget.reported(frame.received);
        this.#streams.widened(frame);
        return this.#scheduler.schedule();
      case "goAway":
        return this.#goneAway(frame);
      case "forget":
        return this.#options.events.forget(frame.host, frame.url);
      case "version":
        return this.#options.events.pushed(frame);
      case "hello":
      case "proveKey":
        throw new LinkError("bad-frame", `${frame.kind} after the greeting`);
      case "open":
        return this.#opened(frame, payloadBytes);
      default: // of a stream that is gone: decoded and counted by now, and dropped
        return this.#streams.receive(frame, payloadBytes);
    }
  }

  #opened(frame: OpenFrame, payloadBytes: number): void {
    const { hello, events } = this.#options;
    if (hello.role === "edge") throw new LinkError("bad-frame", "only the edge opens streams");
    const stream = new Stream(this.#host, this.#known.streamBounds, frame);
    this.#streams.accept(frame, stream);
    if (this.#saidGoAway || this.#streams.size > hello.streams) return stream.reset("refused");
    try {
      events.opened(stream, frame);
      stream.receive(frame, payloadBytes);
    } catch (error) {
      resetFor(error, stream);
    }
  }

  #goneAway(frame: Extract<ControlFrame, { kind: "goAway" }>): void {
    if (frame.code !== "shutting-down") {
      this.#options.transport.close("");
      return this.#ended({ code: frame.code, message: `the peer said: ${frame.message}` });
    }
    this.draining = true;
    this.#streams.refuseAbove(frame.lastStreamId);
    this.#options.events.draining();
    this.#closeIfDone();
  }

  #sendGoAway(code: LinkErrorCode, message: string): void {
    const lastStreamId = this.#streams.lastAccepted(this.#options.hello.role);
    this.#scheduler.control({ kind: "goAway", lastStreamId, code, message, extensions: NO_EXTENSIONS });
  }

  #closeIfDone(): void {
    // An origin side that was told go-away leaves the closing to the edge, which may have opens still to send.
    if (!(this.#saidGoAway || (this.draining && this.#options.hello.role === "edge")) || this.#end) return;
    if (this.load > 0) return this.#scheduler.hurryLater(); // a peer that stops waits for its streams to end
    this.#scheduler.flushAll();
    this.#options.transport.close("shutting-down");
  }

  #ended(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = this.draining && end.code === "internal" ? { ...end, code: "shutting-down" } : end;
    this.#handshakeTimer.cancel();
    this.#keepalive?.stop();
    this.#scheduler.close();
    this.#streams.loseAll();
    this.#options.events.closed(this.#end);
  }

  #newHost(): StreamHost {
    const scheduler = this.#scheduler;
    return {
      clock: this.#options.clock,
      baseRttMs: () => this.#budget.baseRttMs,
      mayGrow: (bytes) => this.#known.windows.grow(bytes),
      isFull: () => this.#budget.room <= 0,
      ready: scheduler.ready.bind(scheduler),
      control: scheduler.control.bind(scheduler),
      later: scheduler.later.bind(scheduler),
      window: (streamId, bytes) =>
        scheduler.control({ kind: "window", streamId, bytes, received: this.#received }),
      lease: () => this.#options.memory.lease(this.#known.keyId),
      number: this.#streams.number.bind(this.#streams),
      closed: (stream, grownBytes) => {
        if (grownBytes > 0) this.#up?.windows.shrink(grownBytes);
        this.#streams.remove(stream);
        scheduler.drop(stream);
        this.#closeIfDone();
      },
    };
  }
}
