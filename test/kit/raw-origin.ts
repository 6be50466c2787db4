/**
 * A web server whose every byte a test writes, and reads: connections are taken one by one, requests are read as raw text,
 * answers are whatever the test says. Nothing is parsed, so nothing is forgiven.
 */
import { once } from "node:events";
import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { AsyncQueue } from "../../protocol/runtime/async-queue.ts";

export class RawConnection {
  readonly socket: Socket;
  /** Resolves when nothing more can be read: `end` after a FIN, `reset` after an error or a close without one. */
  readonly over: Promise<"end" | "reset">;
  readonly closed: Promise<void>;
  #unread = "";
  #wake: () => void = () => {};
  #over = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    this.over = new Promise((resolve) => {
      const end = (how: "end" | "reset") => () => {
        this.#over = true;
        resolve(how);
        this.#wake();
      };
      socket.once("end", end("end")).once("error", end("reset")).once("close", end("reset"));
    });
    socket.on("data", (bytes: Buffer) => {
      this.#unread += bytes.toString("latin1");
      this.#wake();
    });
  }

  /** What has come and was not taken. */
  get unread(): string {
    return this.#unread;
  }

  /** Takes everything up to and with `mark`. */
  async upTo(mark: string): Promise<string> {
    const from = () => this.#unread.indexOf(mark);
    await this.#until(() => from() !== -1, mark);
    return this.#take(from() + mark.length);
  }

  async bytes(count: number): Promise<string> {
    await this.#until(() => this.#unread.length >= count, `${count} bytes`);
    return this.#take(count);
  }

  /** A request head: its first line, then its fields as they stood. */
  async head(): Promise<string[]> {
    return (await this.upTo("\r\n\r\n")).trimEnd().split("\r\n");
  }

  write(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  end(text = ""): this {
    this.socket.end(text, "latin1");
    return this;
  }

  #take(count: number): string {
    const taken = this.#unread.slice(0, count);
    this.#unread = this.#unread.slice(count);
    return taken;
  }

  async #until(met: () => boolean, what: string): Promise<void> {
    while (!met()) {
      if (this.#over) throw new Error(`the connection ended before ${what}: ${JSON.stringify(this.#unread)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export class RawOrigin implements AsyncDisposable {
  /** How many connections there were. */
  count = 0;
  readonly #server: Server;
  readonly #arrived = new AsyncQueue<RawConnection>();
  readonly #open = new Set<Socket>();

  private constructor(server: Server, event: "connection" | "secureConnection") {
    this.#server = server;
    // Those too that never finish a handshake.
    server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      socket.once("close", () => this.#open.delete(socket));
    });
    server.on(event, (socket: Socket) => {
      this.count++;
      socket.on("error", () => {});
      this.#arrived.push(new RawConnection(socket));
    });
    server.on("tlsClientError", () => {});
  }

  static async listen(
    at: ListenOptions = { host: "127.0.0.1", port: 0 },
    tls?: TlsOptions,
  ): Promise<RawOrigin> {
    const server =
      tls === undefined
        ? createServer({ allowHalfOpen: true, noDelay: true })
        : createTlsServer({ ...tls, allowHalfOpen: true, noDelay: true });
    const origin = new RawOrigin(server, tls === undefined ? "connection" : "secureConnection");
    server.listen(at);
    await once(server, "listening");
    return origin;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** The next connection that nobody took yet. */
  next(): Promise<RawConnection> {
    return this.#arrived.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** A response in one piece, kept alive. */
export const OK = (body = "hello", ...fields: readonly string[]): string =>
  ["HTTP/1.1 200 OK", `Content-Length: ${body.length}`, ...fields, "", body].join("\r\n");
