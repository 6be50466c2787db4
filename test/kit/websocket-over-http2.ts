/**
 * What lets the client of the package `ws`, which shakes hands in HTTP/1.1 only, speak over a stream of HTTP/2: its handshake becomes
 * an extended CONNECT, and the answer to that the 101 that it waits for (RFC 8441). Nothing after that is touched.
 */
import { createHash } from "node:crypto";
import { Duplex } from "node:stream";
import type { Http2VisitorSession } from "./http2-visitor.ts";

const OF_HTTP1: ReadonlySet<string> = new Set(["host", "connection", "upgrade", "sec-websocket-key"]);
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** For `createConnection` of the client's options. */
export const connectOverHttp2 = (visitor: Http2VisitorSession): Duplex => {
  let head = "";
  let stream: Duplex | undefined;
  const duplex: Duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      stream?.resume();
    },
    write(piece: Buffer, _, done) {
      if (stream !== undefined) {
        stream.write(piece, done);
        return;
      }
      head += piece.toString("latin1");
      if (head.endsWith("\r\n\r\n")) void shakeHands().catch((error: Error) => duplex.destroy(error));
      done();
    },
    final(done) {
      stream?.end();
      done();
    },
    destroy(error, done) {
      stream?.destroy();
      done(error);
    },
  });
  const shakeHands = async () => {
    const [first = "", ...lines] = head.slice(0, -4).split("\r\n");
    const fields = lines.map((line): [string, string] => {
      const at = line.indexOf(":");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    });
    const key = fields.find(([name]) => name === "sec-websocket-key")?.[1] ?? "";
    const answer = await visitor.begin(
      {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "https",
        ":path": first.split(" ")[1] ?? "/",
        ...Object.fromEntries(fields.filter(([name]) => !OF_HTTP1.has(name))),
      },
      "open",
    );
    stream = answer.stream;
    stream.on("data", (piece: Buffer) => {
      if (!duplex.push(piece)) stream?.pause();
    });
    stream.once("end", () => duplex.push(null));
    stream.once("close", () => duplex.destroy());
    const accepts = createHash("sha1").update(`${key}${WEBSOCKET_GUID}`).digest("base64");
    const became: [string, unknown][] = [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", accepts],
    ];
    const status = answer.status === 200 ? "101 Switching Protocols" : `${answer.status} Refused`;
    const said = Object.entries(answer.fields)
      .filter(([name]) => !name.startsWith(":"))
      .concat(answer.status === 200 ? became : []);
    duplex.push(`HTTP/1.1 ${status}\r\n${said.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
  };
  return duplex;
};
