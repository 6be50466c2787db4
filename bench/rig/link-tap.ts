/**
 * What a link's bytes were spent on: reads the socket's bytes from outside (TLS by the key log of a daemon, then
 * WebSocket, then frames by the protocol's own decoder) and sorts each byte into one of few heaps, whose sum is what the
 * socket carried. SPEC section "Frames" defines the bytes of an answer.
 */
import { readFileSync } from "node:fs";
import type { Frame } from "../../protocol/frames/frame.ts";
import { readFrameBody } from "../../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder } from "../../protocol/frames/frame-headers.ts";
import { GivenCookies } from "../../protocol/frames/given-cookies.ts";
import type { Hello } from "../../protocol/frames/hello.ts";
import { ByteReader, varintBytes } from "../../protocol/wire/bytes.ts";
import { type DirectionSecrets, TlsTap } from "./tls-tap.ts";
import { WebSocketTap } from "./websocket-tap.ts";

export const HEAPS = [
  "answers",
  "requestHeads",
  "answerHeads",
  "digests",
  "others",
  "websocket",
  "tls",
] as const;
/**
 * `answers`: answer bytes. `requestHeads`: open frames without body. `answerHeads`: answer frames less the answer's bytes.
 * `proofs`: verified and ask-whole. `others`: window, pings, pongs, request bodies, lengths and numbers around the rest.
 */
export type Spent = Readonly<Record<(typeof HEAPS)[number], number>>;

export type Direction = "toEdge" | "toOrigin";

const DIRECTIONS: readonly Direction[] = ["toEdge", "toOrigin"];
/** Where the random of a ClientHello stands in the connection's first bytes, and how long it is. */
const RANDOM_AT = 11;
const RANDOM_BYTES = 32;
/** Of the key log: names of the secrets of the side that dials and of the side that listens. */
const SECRETS: Readonly<Record<Direction, readonly string[]>> = {
  toEdge: ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"],
  toOrigin: ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
};

export class LinkTap {
  readonly #keyLogFile: string;
  readonly #connections = new Map<number, ConnectionTap>();

  /** `keyLogFile`: where one of the daemons logs the secrets of its connections. */
  constructor(keyLogFile: string) {
    this.#keyLogFile = keyLogFile;
  }

  /** Bytes that crossed, of the connection numbered `connection`; they are looked at when somebody reads. */
  push(connection: number, direction: Direction, chunk: Buffer): void {
    let tap = this.#connections.get(connection);
    if (tap === undefined) {
      tap = new ConnectionTap();
      this.#connections.set(connection, tap);
    }
    tap.waiting.push({ direction, chunk });
  }

  /** Whether the secrets of every connection so far are in the key log, which a daemon writes a little later. */
  get ready(): boolean {
    return [...this.#connections.values()].every((tap) => tap.opened || tap.open(this.#secretsOf(tap)));
  }

  /** All that crossed so far. Throws when the key log lacks the secrets of a connection. */
  read(): Spent {
    if (!this.ready) throw new Error("the secrets of the link are not in the key log");
    const taps = [...this.#connections.values()];
    for (const tap of taps) tap.drain();
    return heapsBy((heap) => taps.reduce((sum, tap) => sum + tap.spent(heap), 0));
  }

  #secretsOf(tap: ConnectionTap): ((direction: Direction) => DirectionSecrets) | undefined {
    const random = tap.clientRandom;
    if (random === undefined) return undefined;
    const lines = readKeyLog(this.#keyLogFile).filter(([, theirs]) => theirs === random);
    const secretOf = (name: string) => lines.find(([named]) => named === name)?.[2];
    const found = new Map(DIRECTIONS.map((direction) => [direction, SECRETS[direction].map(secretOf)]));
    if ([...found.values()].flat().includes(undefined)) return undefined;
    return (direction) => (found.get(direction) ?? []).map((secret) => Buffer.from(secret ?? "", "hex"));
  }
}

/** What crossed between two readings of the same tap. */
export const spentBetween = (before: Spent, after: Spent): Spent =>
  heapsBy((heap) => after[heap] - before[heap]);

export const NOTHING_SPENT: Spent = heapsBy(() => 0);

export const addSpent = (a: Spent, b: Spent): Spent => heapsBy((heap) => a[heap] + b[heap]);

/** One connection: its bytes as they came, and, once the secrets are known, a reader of each direction. */
class ConnectionTap {
  readonly waiting: { readonly direction: Direction; readonly chunk: Buffer }[] = [];
  readonly #heaps = { ...NOTHING_SPENT };
  readonly #hellos: Hello[] = [];
  #tls: Readonly<Record<Direction, TlsTap>> | undefined;
  readonly #webSockets: Record<Direction, WebSocketTap> = {
    toEdge: new WebSocketTap((message) => this.#message("toEdge", message)),
    toOrigin: new WebSocketTap((message) => this.#message("toOrigin", message)),
  };
  #decoders: Readonly<Record<Direction, FrameHeaderDecoder>> | undefined;

  get opened(): boolean {
    return this.#tls !== undefined;
  }

  /** The random of its ClientHello in hexadecimal, by which a key log names a connection. */
  get clientRandom(): string | undefined {
    const chunks = this.waiting.filter(({ direction }) => direction === "toEdge").map(({ chunk }) => chunk);
    const random = Buffer.concat(chunks).subarray(RANDOM_AT, RANDOM_AT + RANDOM_BYTES);
    return random.length === RANDOM_BYTES ? random.toString("hex") : undefined;
  }

  open(secretsOf: ((direction: Direction) => DirectionSecrets) | undefined): boolean {
    if (secretsOf === undefined) return false;
    const tls = (direction: Direction) =>
      new TlsTap(secretsOf(direction), (plain) => this.#webSockets[direction].push(plain));
    this.#tls = { toEdge: tls("toEdge"), toOrigin: tls("toOrigin") };
    return true;
  }

  drain(): void {
    for (const { direction, chunk } of this.waiting.splice(0)) this.#tls?.[direction].push(chunk);
  }

  spent(heap: keyof Spent): number {
    const sum = (of: (direction: Direction) => number) =>
      DIRECTIONS.reduce((total, direction) => total + of(direction), 0);
    if (heap === "tls") return sum((direction) => this.#tls?.[direction].overheadBytes ?? 0);
    if (heap === "websocket") return sum((direction) => this.#webSockets[direction].overheadBytes);
    return this.#heaps[heap];
  }

  #message(direction: Direction, message: Buffer): void {
    const reader = new ByteReader(message);
    while (reader.left > 0) {
      const before = reader.left;
      const body = reader.sized();
      const bodyBytes = body.left;
      const frame = readFrameBody(body, this.#decoders?.[direction]);
      if (frame?.kind === "hello") this.#handshaken(frame);
      const frameBytes = before - reader.left;
      this.#sort(frame, frameBytes, direction === "toEdge" ? answerBytesOf(frame, bodyBytes) : 0);
    }
  }

  #handshaken(hello: Hello): void {
    this.#hellos.push(hello);
    if (this.#hellos.length < DIRECTIONS.length) return;
    const least = (of: (hello: Hello) => number) => Math.min(...this.#hellos.map(of));
    const bounds = {
      tableBytes: least((each) => each.tableBytes),
      headBytes: least((each) => each.headBytes),
    };
    const given = new GivenCookies({ asks: false });
    // Of sides that have not agreed on acknowledgements in open frames the bits that say one are 0.
    const decoder = () => new FrameHeaderDecoder(bounds, undefined, given, true);
    this.#decoders = { toEdge: decoder(), toOrigin: decoder() };
  }

  #sort(frame: Frame | undefined, frameBytes: number, answerBytes: number): void {
    const put = (heap: keyof Spent, bytes: number) => {
      this.#heaps[heap] += bytes;
    };
    put("answers", answerBytes);
    const rest = frameBytes - answerBytes;
    switch (frame?.kind) {
      case "open":
        put("requestHeads", rest - frame.body.length);
        return put("others", frame.body.length);
      case "answer":
        return put("answerHeads", rest);
      case "verified":
      case "askWhole":
        return put("digests", rest);
      default:
        return put("others", rest);
    }
  }
}

/** Of a frame from the origin side: its payload less header blocks, SPEC section "Frames". */
const answerBytesOf = (frame: Frame | undefined, bodyBytes: number): number => {
  switch (frame?.kind) {
    case "answer":
      return payloadBytes(frame, bodyBytes) - frame.blockBytes;
    case "data":
    case "segment":
    case "resume":
    case "end":
      return payloadBytes(frame, bodyBytes);
    default:
      return 0;
  }
};

function heapsBy(bytesOf: (heap: keyof Spent) => number): Spent {
  return Object.fromEntries(HEAPS.map((heap) => [heap, bytesOf(heap)])) as Spent;
}

/** Name, client random and secret of each line; none where the file is not there yet. */
function readKeyLog(file: string): (readonly string[])[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .filter((parts) => parts.length === 3);
  } catch {
    return [];
  }
}

/** A frame without its length, kind and stream id; `bodyBytes` counts all but the length. */
const payloadBytes = ({ streamId }: { readonly streamId: number }, bodyBytes: number): number =>
  bodyBytes - 1 - varintBytes(streamId);
