/** One request over HTTP/2 on a connection of its own, and the head of its response. */
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from "node:http2";
import { connect as connectTls } from "node:tls";

export interface AskedOverHttp2 {
  readonly authority: string;
  readonly path?: string;
  /** Of the TLS greeting; none unless it is said. */
  readonly servername?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

type Head = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** Rejects where the connection fails. */
export const http2Head = (port: number, { authority, path = "/", servername = "", fields }: AskedOverHttp2) =>
  new Promise<Head>((resolve, reject) => {
    const session = connect(`https://${authority}`, {
      createConnection: () =>
        connectTls({ host: "127.0.0.1", port, servername, rejectUnauthorized: false, ALPNProtocols: ["h2"] }),
    });
    session.once("error", reject);
    const stream = session.request({ ":path": path, ":authority": authority, ...fields });
    stream.once("error", reject);
    stream.once("response", (head) => {
      stream.resume();
      stream.once("close", () => {
        session.once("close", () => resolve(head));
        session.close();
      });
    });
  });

export const http2Status = async (port: number, asked: AskedOverHttp2): Promise<number> =>
  Number((await http2Head(port, asked))[":status"]);
