/**
 * What the application said to the pair: a relay in front of it keeps the bytes of its answers, so that each body can be held
 * against the very one that was sent, whatever differs from answer to answer.
 */
import { type CountingRelay, startCountingRelay } from "../rig/counting-relay.ts";
import { undoCoding } from "../rig/visitor.ts";

export interface Recorder extends Pick<CountingRelay, "address" | "close"> {
  /** Forgets what was sent before. */
  begin(): void;
  /** The body of the last answer since, without its coding; rejects where the bytes make none. */
  body(): Promise<Buffer>;
}

export async function startRecorder(application: string): Promise<Recorder> {
  let sent: Buffer[] = [];
  const relay = await startCountingRelay(application, (_, direction, chunk) => {
    if (direction === "toOrigin") sent.push(chunk);
  });
  return {
    address: relay.address,
    close: () => relay.close(),
    begin() {
      sent = [];
    },
    body: () => lastBody(Buffer.concat(sent)),
  };
}

const HEAD_END = "\r\n\r\n";

/** The last of the HTTP/1.1 answers that stand in `bytes`. @internal */
export async function lastBody(bytes: Buffer): Promise<Buffer> {
  let rest = bytes;
  let last: Buffer | undefined;
  while (rest.length > 0) {
    const end = rest.indexOf(HEAD_END);
    if (end === -1) throw new Error("the application sent no whole head");
    const head = rest.subarray(0, end).toString("latin1");
    const field = (name: string) => new RegExp(`^${name}: *(.*?) *$`, "im").exec(head)?.[1];
    const status = Number(head.split(" ", 2)[1]);
    rest = rest.subarray(end + HEAD_END.length);
    let body = Buffer.alloc(0);
    if (status < 200 || status === 204 || status === 304) {
      if (status < 200) continue;
    } else if (/chunked/i.test(field("transfer-encoding") ?? "")) {
      ({ body, rest } = unchunked(rest));
    } else {
      const length = Number(field("content-length") ?? rest.length);
      [body, rest] = [Buffer.from(rest.subarray(0, length)), rest.subarray(length)];
    }
    last = await undoCoding(body, field("content-encoding"));
  }
  if (last === undefined) throw new Error("the application sent nothing");
  return last;
}

function unchunked(bytes: Buffer): { body: Buffer<ArrayBuffer>; rest: Buffer } {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    if (lineEnd === -1 || Number.isNaN(size)) throw new Error("the application's chunks are broken");
    const start = lineEnd + 2;
    if (size === 0)
      return { body: Buffer.concat(chunks), rest: bytes.subarray(bytes.indexOf("\r\n", start) + 2) };
    chunks.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}
