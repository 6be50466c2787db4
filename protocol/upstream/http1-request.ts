/** A request over node:http, on a connection that is there: every choice that Node's client leaves is made here. */
import { type ClientRequest, request as openRequest } from "node:http";
import type { PooledConnection } from "./connections/pooled-connection.ts";
import { closing, type WireRequest } from "./framing.ts";

/** `headBytes`: of the largest response head. Nothing leaves before `write` or `end`. */
export const openHttp1Request = (
  wire: WireRequest,
  { socket, once }: PooledConnection,
  headBytes: number,
): ClientRequest => {
  const outgoing = openRequest({
    method: wire.method,
    path: wire.target,
    headers: [...(once ? closing(wire) : wire.fields)],
    setHost: false,
    maxHeaderSize: headBytes,
    createConnection: () => socket,
  });
  outgoing.shouldKeepAlive = !once; // Node takes it that only its own agents use a connection again
  outgoing.maxHeadersCount = 0; // bounded by bytes; Node would leave out what is beyond, silently
  return outgoing;
};
