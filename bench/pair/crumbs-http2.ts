/**
 * A visitor of `coilgun-bench crumbs` that speaks HTTP/2 frame by frame: no client would cut a body so small. It keeps to the
 * windows (RFC 9113 section 6.9) and reads no more of a response than its body.
 */
import { connect } from "node:tls";
import { parseHostPort } from "../../protocol/config/units.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, goAway: 7, window: 8 } as const;
const [ACK, END_STREAM, END_HEADERS] = [1, 1, 4];
const STREAM = 1;
const HEAD_BYTES = 9;
const INITIAL_WINDOW = 4;
const FIRST_WINDOW_BYTES = 65_535;
/** Of the static table: `:status: 200` (RFC 7541 appendix A). */
const INDEXED_200 = 0x88;

type Kind = (typeof FRAME)[keyof typeof FRAME];

const frame = (kind: Kind, flags: number, stream: number, payload: Uint8Array): Buffer => {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** Literals that enter no table (RFC 7541 section 6.2.2); names and values of less than 127 bytes. */
const headerBlock = (fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.of(0, name.length),
      Buffer.from(name, "latin1"),
      Buffer.of(value.length),
      Buffer.from(value, "latin1"),
    ]),
  );

/** DATA frames of one byte each, the last one with END_STREAM. @internal */
export const framedCrumbs = (body: Buffer): Buffer => {
  const crumb = frame(FRAME.data, 0, STREAM, Buffer.of(0));
  const frames = Buffer.alloc(body.length * crumb.length);
  for (const [at, letter] of body.entries()) {
    crumb[HEAD_BYTES] = letter;
    crumb.copy(frames, at * crumb.length);
  }
  frames[frames.length - crumb.length + 4] = END_STREAM;
  return frames;
};

/** POSTs the crumbs; resolves with the response's body, rejects where its status is another than 200 or it is reset. */
export const postOverHttp2 = (
  address: string,
  host: string,
  { path, type }: { readonly path: string; readonly type: string },
  body: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect({
    ...parseHostPort(address),
    servername: host,
    ALPNProtocols: ["h2"],
    rejectUnauthorized: false, // made a moment ago, for this measurement
  });
  const head = [
    [":method", "POST"],
    [":scheme", "https"],
    [":path", path],
    [":authority", host],
    ["content-type", type],
  ] as const;
  const leave = () => socket.destroy(new Error("the measurement was ended"));
  signal?.addEventListener("abort", leave, { once: true });
  const crumbs = framedCrumbs(body);
  const crumbBytes = crumbs.length / body.length;
  const windows = [FIRST_WINDOW_BYTES, FIRST_WINDOW_BYTES];
  let sent = 0;
  const send = () => {
    const count = Math.min(body.length - sent, ...windows);
    if (count <= 0) return;
    socket.write(crumbs.subarray(sent * crumbBytes, (sent + count) * crumbBytes));
    sent += count;
    for (const of of windows.keys()) windows[of] = (windows[of] ?? 0) - count;
  };
  const pieces: Buffer[] = [];
  const arrived = (kind: number, flags: number, stream: number, payload: Buffer) => {
    if (kind === FRAME.settings && (flags & ACK) === 0) {
      for (let at = 0; at < payload.length; at += 6)
        if (payload.readUInt16BE(at) === INITIAL_WINDOW)
          windows[STREAM] = (windows[STREAM] ?? 0) + payload.readUInt32BE(at + 2) - FIRST_WINDOW_BYTES;
      socket.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    } else if (kind === FRAME.window) windows[stream] = (windows[stream] ?? 0) + payload.readUInt32BE(0);
    else if (kind === FRAME.data) pieces.push(payload);
    else if (kind === FRAME.headers && payload[0] !== INDEXED_200) reject(new Error("not a page"));
    else if (kind === FRAME.reset || kind === FRAME.goAway) reject(new Error("the stream was reset"));
    if (stream === STREAM && (flags & END_STREAM) !== 0 && kind <= FRAME.headers)
      resolve(Buffer.concat(pieces));
    send();
  };
  let received = Buffer.alloc(0);
  socket
    .on("error", reject)
    .on("close", () => reject(new Error("the connection closed before the response had ended")))
    .on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= HEAD_BYTES) {
        const end = HEAD_BYTES + received.readUIntBE(0, 3);
        if (received.length < end) return;
        const whole = received.subarray(0, end);
        received = received.subarray(end);
        arrived(whole[3] ?? 0, whole[4] ?? 0, whole.readUInt32BE(5), whole.subarray(HEAD_BYTES));
      }
    })
    .on("secureConnect", () => {
      socket.write(PREFACE);
      socket.write(frame(FRAME.settings, 0, 0, Buffer.alloc(0)));
      socket.write(frame(FRAME.headers, END_HEADERS, STREAM, headerBlock(head)));
      send();
    });
  return promise.finally(() => {
    signal?.removeEventListener("abort", leave);
    socket.destroy();
  });
};
