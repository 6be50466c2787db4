/**
 * A visitor that writes what it likes on a socket and reads responses byte by byte, with a reader of its own: what node's
 * client would refuse to send, or mend while reading, is what the tests are about.
 */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";

export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, as they came. */
  readonly fields: readonly string[];
  readonly body: Buffer;
  readonly trailers: readonly string[];
  readonly framing: "none" | "length" | "chunked" | "close";
  /** All of it came, as far as its framing can tell. */
  readonly complete: boolean;
}

/** All values of a field, joined. */
export const fieldIn = (
  { fields }: { readonly fields: readonly string[] },
  name: string,
): string | undefined => {
  const values = fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(", ");
};

export class RawVisitor {
  readonly socket: Socket;
  /** Everything that was read, whoever took it since. */
  seen = Buffer.alloc(0);
  #taken = 0;
  #ended = false;
  #wake: () => void = () => {};
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.seen = Buffer.concat([this.seen, bytes]);
      this.#wake();
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      const ended = () => {
        this.#ended = true;
        this.#wake();
        resolve();
      };
      socket.once("end", ended).once("close", ended);
    });
  }

  static async connect(port: number, tls?: { readonly servername?: string }): Promise<RawVisitor> {
    const socket =
      tls === undefined
        ? connectPlain({ port, host: "127.0.0.1", allowHalfOpen: true })
        : connectTls({
            port,
            host: "127.0.0.1",
            rejectUnauthorized: false,
            ALPNProtocols: ["http/1.1"],
            ...tls,
          });
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === undefined ? "connect" : "secureConnect", resolve).once("error", reject);
    });
    return new RawVisitor(socket);
  }

  send(...parts: readonly (string | Buffer)[]): this {
    for (const part of parts)
      this.socket.write(typeof part === "string" ? Buffer.from(part, "latin1") : part);
    return this;
  }

  /** Everything to the end of the connection, from where it was read to. */
  async rest(): Promise<string> {
    await this.closed;
    return this.#take(this.seen.length - this.#taken).toString("latin1");
  }

  /** Up to and with the first `mark`; rejects when the connection ends before. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.seen.indexOf(mark, this.#taken, "latin1");
      if (at !== -1) return this.#take(at + mark.length - this.#taken).toString("latin1");
      if (this.#ended)
        throw new Error(
          `no ${JSON.stringify(mark)} in ${this.seen.subarray(this.#taken).toString("latin1")}`,
        );
      await this.#more();
    }
  }

  /** The next head, interim ones too. */
  async head(): Promise<Pick<RawResponse, "status" | "reason" | "fields">> {
    const [first = "", ...lines] = (await this.until("\r\n\r\n")).slice(0, -4).split("\r\n");
    const [, status, reason = ""] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first) ?? [];
    if (status === undefined) throw new Error(`no status line: ${first}`);
    const fields = lines.flatMap((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    });
    return { status: Number(status), reason, fields };
  }

  /** The next response that is not an interim one; those before it go to `interims`. */
  async response(method = "GET", interims: number[] = []): Promise<RawResponse> {
    let head = await this.head();
    while (head.status < 200 && head.status !== 101) {
      interims.push(head.status);
      head = await this.head();
    }
    return { ...head, ...(await this.#body(method, head)) };
  }

  /** Waits until this much more has come. */
  async bytes(count: number): Promise<Buffer> {
    while (this.seen.length - this.#taken < count && !this.#ended) await this.#more();
    return this.#take(count);
  }

  /** Breaks the connection off; over TLS it ends without a word, as node can reset no such connection. */
  leave(): void {
    if (this.socket instanceof TLSSocket) this.socket.destroy();
    else if (!this.socket.destroyed) this.socket.resetAndDestroy();
  }

  end(): void {
    this.socket.destroy();
  }

  async #body(
    method: string,
    head: Pick<RawResponse, "status" | "fields">,
  ): Promise<Omit<RawResponse, "status" | "reason" | "fields">> {
    const none = { body: Buffer.alloc(0), trailers: [], complete: true } as const;
    if (method === "HEAD" || [101, 204, 304].includes(head.status)) return { ...none, framing: "none" };
    if (fieldIn(head, "transfer-encoding") === "chunked")
      return { ...(await this.#chunks()), framing: "chunked" };
    const length = fieldIn(head, "content-length");
    if (length === undefined)
      return { ...none, body: Buffer.from(await this.rest(), "latin1"), framing: "close" };
    const body = await this.bytes(Number(length));
    return { ...none, body, framing: "length", complete: body.length === Number(length) };
  }

  async #chunks(): Promise<{ body: Buffer; trailers: readonly string[]; complete: boolean }> {
    const pieces: Buffer[] = [];
    try {
      for (;;) {
        const size = Number.parseInt(await this.until("\r\n"), 16);
        if (size === 0) break;
        pieces.push(await this.bytes(size));
        await this.until("\r\n");
      }
      const trailers: string[] = [];
      for (let line = await this.until("\r\n"); line !== "\r\n"; line = await this.until("\r\n")) {
        const at = line.indexOf(":");
        trailers.push(line.slice(0, at), line.slice(at + 1).trim());
      }
      return { body: Buffer.concat(pieces), trailers, complete: true };
    } catch {
      return { body: Buffer.concat(pieces), trailers: [], complete: false };
    }
  }

  #take(count: number): Buffer {
    const taken = this.seen.subarray(this.#taken, this.#taken + count);
    this.#taken += taken.length;
    return taken;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
