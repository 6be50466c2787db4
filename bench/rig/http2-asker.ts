/**
 * One HTTP/2 connection over TLS, as a browser keeps it while its visitor stays: header tables live as long as it does, and bytes are counted
 * at its socket, with TLS and all frames. Opened by the first request, and anew where the server has closed it.
 */
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseHostPort } from "../../protocol/config/units.ts";
import type { Asker } from "./asker.ts";

/** What Chromium lets a server's table hold. */
const HEADER_TABLE_BYTES = 65_536;

interface Connection {
  readonly session: ClientHttp2Session;
  /** Since the last time it was asked. */
  news(): number;
}

const open = (address: string, host: string): Connection => {
  const socket = connectTcp(parseHostPort(address));
  const tls = connectTls({
    socket,
    servername: host,
    ALPNProtocols: ["h2"],
    rejectUnauthorized: false, // made a moment ago, for this measurement
  });
  const session = connect(`https://${host}`, {
    createConnection: () => tls,
    settings: { headerTableSize: HEADER_TABLE_BYTES },
  });
  // Whoever waits for an answer is told by its stream.
  session.on("error", () => {});
  let told = 0;
  return {
    session,
    news() {
      const news = socket.bytesRead - told;
      told = socket.bytesRead;
      return news;
    },
  };
};

/** Asks the edge at `address` (host:port). */
export const http2Asker = (address: string): Asker => {
  let connection: Connection | undefined;
  const connected = (host: string): Connection => {
    if (connection === undefined || connection.session.closed || connection.session.destroyed)
      connection = open(address, host);
    return connection;
  };
  return {
    async ask({ method, path, headers, form, signal }) {
      const { Host: host = address, ...others } = headers;
      const { session, news } = connected(host);
      const lower = Object.entries(others).map(([name, value]) => [name.toLowerCase(), value]);
      const stream = session.request(
        {
          ":method": method,
          ":path": path,
          ":scheme": "https",
          ":authority": host,
          ...Object.fromEntries(lower),
        },
        { signal, endStream: form === undefined },
      );
      if (form !== undefined) stream.end(form);
      const { promise, resolve, reject } =
        Promise.withResolvers<readonly [IncomingHttpHeaders, readonly string[]]>();
      stream
        .on("response", (fields: IncomingHttpHeaders, _flags: number, raw?: readonly string[]) =>
          resolve([fields, raw ?? []]),
        )
        .on("error", reject)
        .on("close", () => reject(new Error("the stream closed before a response came")));
      const [fields, raw] = await promise;
      return {
        status: Number(fields[":status"]),
        headers: fields,
        rawHeaders: raw.filter((_, at) => raw[at - (at % 2)]?.startsWith(":") !== true),
        async body() {
          const pieces: Buffer[] = [];
          for await (const piece of stream) pieces.push(piece as Buffer);
          return { coded: Buffer.concat(pieces), bytes: news() };
        },
      };
    },
    close: () => connection?.session.destroy(),
  };
};
