/**
 * A web server for the far end of a whole pair: each request is read by hand off whichever kept connection it comes on, and
 * handed to the test, which writes every byte of the answer. Nothing is parsed beyond where a request ends.
 */
import type { ListenOptions } from "node:net";
import type { TlsOptions } from "node:tls";
import { AsyncQueue } from "../../protocol/runtime/async-queue.ts";
import { type RawConnection, RawOrigin } from "./raw-origin.ts";
import { response } from "./raw-requests.ts";

export class RawRequest {
  readonly connection: RawConnection;
  /** Of the web server's connections, from 1. */
  readonly connectionNumber: number;
  /** The head as it stood, line by line. */
  readonly lines: readonly string[];
  readonly method: string;
  readonly target: string;
  /** Resolves when the connection may be read for another request. */
  readonly done: Promise<void>;
  readonly #over = Promise.withResolvers<void>();

  constructor(connection: RawConnection, connectionNumber: number, lines: readonly string[]) {
    this.connection = connection;
    this.connectionNumber = connectionNumber;
    this.lines = lines;
    [this.method = "", this.target = ""] = (lines[0] ?? "").split(" ");
    this.done = this.#over.promise;
  }

  /** Names as they stood, and values. */
  get fields(): readonly (readonly [string, string])[] {
    return this.lines.slice(1).map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    });
  }

  /** Every value of a field. */
  all(name: string): readonly string[] {
    return this.fields.flatMap(([each, value]) => (each.toLowerCase() === name ? [value] : []));
  }

  field(name: string): string | undefined {
    return this.all(name)[0];
  }

  /** The body to its end, by its own framing; rejects when the connection ends before. */
  async body(): Promise<{ readonly text: string; readonly trailers: readonly string[] }> {
    if (this.field("transfer-encoding") === "chunked") return this.#chunks();
    return { text: await this.connection.bytes(Number(this.field("content-length") ?? 0)), trailers: [] };
  }

  say(text: string): this {
    this.connection.write(text);
    return this;
  }

  /** Says the rest of an answer that leaves the connection as it is. */
  answer(text: string): void {
    this.say(text);
    this.#over.resolve();
  }

  ok(body: string | Buffer = "ok", ...fields: readonly string[]): void {
    this.answer(response("200 OK", fields, body));
  }

  /** Says this, and closes. */
  end(text = ""): void {
    this.connection.end(text);
    this.#over.resolve();
  }

  reset(): void {
    this.connection.socket.resetAndDestroy();
  }

  async #chunks(): Promise<{ readonly text: string; readonly trailers: readonly string[] }> {
    let text = "";
    for (;;) {
      const size = Number.parseInt(await this.connection.upTo("\r\n"), 16);
      if (size === 0) break;
      text += await this.connection.bytes(size);
      await this.connection.upTo("\r\n");
    }
    const trailers: string[] = [];
    for (let line = await this.connection.upTo("\r\n"); line !== "\r\n"; )
      [line] = [await this.connection.upTo("\r\n"), trailers.push(line.trimEnd())];
    return { text, trailers };
  }
}

export class RawWeb implements AsyncDisposable {
  /** Takes each request, in place of `next`. */
  serve: ((request: RawRequest) => void | Promise<void>) | undefined;
  /** Targets of the requests that came. */
  readonly asked: string[] = [];
  readonly #origin: RawOrigin;
  readonly #requests = new AsyncQueue<RawRequest>();

  private constructor(origin: RawOrigin) {
    this.#origin = origin;
    void this.#accept();
  }

  static async listen(at?: ListenOptions, tls?: TlsOptions): Promise<RawWeb> {
    return new RawWeb(await RawOrigin.listen(at, tls));
  }

  get port(): number {
    return this.#origin.port;
  }

  get connections(): number {
    return this.#origin.count;
  }

  /** Requests that nobody took yet. */
  get waiting(): number {
    return this.#requests.length;
  }

  /** The next of them. */
  next(): Promise<RawRequest> {
    return this.#requests.next();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#origin[Symbol.asyncDispose]();
  }

  async #accept(): Promise<never> {
    for (;;) {
      const connection = await this.#origin.next();
      void this.#read(connection, this.#origin.count).catch(() => {});
    }
  }

  async #read(connection: RawConnection, number: number): Promise<never> {
    for (;;) {
      const request = new RawRequest(connection, number, await connection.head());
      this.asked.push(request.target);
      if (this.serve === undefined) this.#requests.push(request);
      else void Promise.resolve(this.serve(request)).catch(() => request.reset());
      await request.done;
    }
  }
}
