/** How a visitor's requests reach the edge, and what its answers cost: of HTTP/1.1 here, of HTTP/2 in http2-asker.ts. */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { parseHostPort } from "../../protocol/config/units.ts";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: string | undefined;
  readonly signal: AbortSignal;
}

interface Responded {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** To be called once. Rejects where it is cut off: it never looks complete. */
  body(): Promise<{
    readonly coded: Buffer;
    /** That came for this answer, head included. */
    readonly bytes: number;
  }>;
}

/** One visitor's connection, kept. */
export interface Asker {
  ask(asked: Asked): Promise<Responded>;
  close(): void;
}

/** `address`: host:port. Bytes are those of body and fields as they stand in HTTP/1.1. */
export const http1Asker = (address: string): Asker => {
  const edge = parseHostPort(address);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    async ask({ form, ...asked }) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ ...edge, agent, ...asked }, resolve)
          .on("error", reject)
          .end(form);
      });
      const { rawHeaders } = response;
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        rawHeaders,
        async body() {
          const pieces: Buffer[] = [];
          for await (const piece of response) pieces.push(piece as Buffer);
          const coded = Buffer.concat(pieces);
          return { coded, bytes: rawHeaders.reduce((sum, part) => sum + part.length + 2, coded.length) };
        },
      };
    },
    close: () => agent.destroy(),
  };
};
