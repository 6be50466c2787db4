/** What a visitor sees of a web server on loopback: raw fields, the whole body, and whether it was cut. */
import { once } from "node:events";
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { connect } from "node:net";

const HOST = "127.0.0.1";

export interface Asking {
  readonly path?: string;
  readonly method?: string;
  /** The Host field. */
  readonly host?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
  readonly interim?: (status: number, rawFields: readonly string[]) => void;
}

export interface Visited {
  readonly status: number;
  readonly reason: string;
  /** Without those that node adds for this one connection. */
  readonly fields: readonly string[];
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** The body ended before its end, for the visitor to see. */
  readonly cut: boolean;
  readonly trailers: IncomingMessage["trailers"];
}

const OF_THE_CONNECTION = new Set(["connection", "keep-alive", "transfer-encoding"]);

/** The response as soon as its head is there; each request on a connection of its own, unless `agent` says otherwise. */
export const begin = async (port: number, asking: Asking = {}): Promise<IncomingMessage> => {
  const { path = "/", method = "GET", host = "www.example.com", headers, body, signal } = asking;
  const outgoing = request({
    host: HOST,
    port,
    path,
    method,
    headers: { Host: host, ...headers },
    agent: asking.agent ?? new Agent({ keepAlive: false }),
    ...(signal && { signal }),
  });
  outgoing.on("information", ({ statusCode, rawHeaders }) => asking.interim?.(statusCode, rawHeaders));
  const responded = once(outgoing, "response");
  // An answer may come before the whole request has left, and then the rest cannot be sent.
  outgoing.on("error", () => {});
  if (body === undefined) outgoing.end();
  else if (body instanceof Uint8Array) outgoing.end(body);
  else void sendAll(outgoing, body).catch(() => {});
  const [response] = (await responded) as [IncomingMessage];
  return response;
};

const sendAll = async (
  outgoing: ReturnType<typeof request>,
  body: AsyncIterable<Uint8Array>,
): Promise<void> => {
  let wake = () => {};
  outgoing.on("drain", () => wake()).on("close", () => wake());
  for await (const piece of body) {
    if (outgoing.destroyed) return;
    if (outgoing.write(piece) || outgoing.destroyed) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  outgoing.end();
};

/** The rest of a response. */
export const finish = async (response: IncomingMessage): Promise<Visited> => {
  const pieces: Buffer[] = [];
  let cut = false;
  try {
    for await (const piece of response) pieces.push(piece as Buffer);
  } catch {
    cut = true;
  }
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? "",
    fields: pairs(response.rawHeaders)
      .filter(([name]) => !OF_THE_CONNECTION.has(name.toLowerCase()))
      .flat(),
    headers: response.headers,
    body: Buffer.concat(pieces),
    cut,
    trailers: response.trailers,
  };
};

/** A connection that ends before a head is a cut with status 0. */
export const visit = async (port: number, asking?: Asking): Promise<Visited> => {
  try {
    return await finish(await begin(port, asking));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    return { ...NOTHING, cut: true };
  }
};

const NOTHING: Visited = {
  status: 0,
  reason: "",
  fields: [],
  headers: {},
  body: Buffer.alloc(0),
  cut: false,
  trailers: {},
};

export const pairs = (fields: readonly string[]): [string, string][] =>
  Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] ?? "", fields[2 * i + 1] ?? ""]);

/** What a server says to these bytes until it closes the connection. `reset`: it did not close in order. */
export const talk = async (
  port: number,
  text: string,
): Promise<{ readonly said: string; readonly reset: boolean }> => {
  const socket = connect(port, HOST);
  const pieces: Buffer[] = [];
  let reset = false;
  socket.on("data", (piece) => pieces.push(piece));
  socket.on("error", () => {
    reset = true;
  });
  socket.write(text, "latin1");
  await new Promise((resolve) => socket.once("close", resolve));
  return { said: Buffer.concat(pieces).toString("latin1"), reset };
};
