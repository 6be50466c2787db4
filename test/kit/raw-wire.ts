/** One end of a TCP connection as text: what came so far, and how it ended. For requests and responses written by hand. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { until } from "./until.ts";

export class RawWire {
  readonly socket: Socket;
  /** All that came, latin1. */
  text = "";
  /** Nothing more comes: after a FIN, or without one. */
  over: "end" | "reset" | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    const ended = (how: "end" | "reset") => () => {
      this.over ??= how;
    };
    socket
      .on("data", (bytes: Buffer) => {
        this.text += bytes.toString("latin1");
      })
      .once("end", ended("end"))
      .once("error", ended("reset"))
      .once("close", ended("reset"));
  }

  static async dial(port: number): Promise<RawWire> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new RawWire(socket);
  }

  say(text: string | Buffer): this {
    this.socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
    return this;
  }

  /** Resolves when `mark` has come. */
  hears(mark: string): Promise<void> {
    return until(
      () => this.text.includes(mark),
      `${JSON.stringify(mark)} in ${JSON.stringify(this.text.slice(-200))}`,
    );
  }

  ends(): Promise<void> {
    return until(() => this.over !== undefined, "the end of a connection");
  }

  /** What came after the head, as its framing says; the whole of a body only where it is complete. */
  body(): { readonly bytes: string; readonly complete: boolean; readonly trailers: string } {
    const at = this.text.indexOf("\r\n\r\n") + 4;
    const [head, rest] = [this.text.slice(0, at), this.text.slice(at)];
    const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
    if (length !== undefined) return { bytes: rest, complete: rest.length === Number(length), trailers: "" };
    let bytes = "";
    for (let from = 0; ; ) {
      const line = /^([0-9a-f]+)\r\n/i.exec(rest.slice(from, from + 20));
      if (line === null) return { bytes, complete: false, trailers: "" };
      const size = Number.parseInt(line[1] ?? "", 16);
      from += line[0].length;
      if (size === 0) {
        const trailers = rest.slice(from);
        return { bytes, complete: trailers === "\r\n" || trailers.endsWith("\r\n\r\n"), trailers };
      }
      bytes += rest.slice(from, from + size);
      from += size + 2;
    }
  }
}
