/** A visitor of a secure pair's HTTPS listener that speaks HTTP/2, with all of its streams on one connection. */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect as connectTls } from "node:tls";
import { HOST } from "./real-daemons.ts";
import type { SecurePair } from "./secure-pair.ts";

export interface Http2Answer {
  readonly stream: ClientHttp2Stream;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Http2VisitorSession extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  /** The answer as soon as its head is there. `open`: the request has not ended. */
  begin(fields: OutgoingHttpHeaders, open?: "open"): Promise<Http2Answer>;
}

export const openHttp2 = async (
  secure: Pick<SecurePair, "https" | "authority">,
): Promise<Http2VisitorSession> => {
  const socket = connectTls({
    host: "127.0.0.1",
    port: secure.https,
    servername: HOST,
    ca: secure.authority.certificate,
    ALPNProtocols: ["h2"],
  });
  const session = connect(`https://${HOST}`, { createConnection: () => socket });
  session.on("error", () => {});
  await once(session, "remoteSettings");
  return {
    session,
    async begin(fields, open) {
      const all = { ":path": "/", ":authority": HOST, ...fields };
      const stream = session.request(all, { endStream: open === undefined });
      stream.on("error", () => {});
      const [head] = (await once(stream, "response")) as [Record<string, unknown>];
      return { stream, status: Number(head[":status"]), fields: head };
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, "close");
      session.destroy();
      socket.destroy();
      await closed;
    },
  };
};
