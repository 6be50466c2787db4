/** The bench's faulty relay before an edge of a test, and which of its connections carries a request. */
import {
  type FaultyRelay as Relay,
  type RelayedConnection,
  startFaultyRelay,
} from "../../bench/rig/faulty-relay.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { until } from "./until.ts";

export type { RelayedConnection };

export interface FaultyRelay extends Relay, AsyncDisposable {
  readonly port: number;
  /** Of all connections, the one over which this many more bytes have come from the edge than when `run` was called. */
  carrying(bytes: number, run: () => void): Promise<RelayedConnection>;
}

export const openRelay = async (edgePort: number): Promise<FaultyRelay> => {
  const relay = await startFaultyRelay(`127.0.0.1:${edgePort}`, systemClock);
  return Object.assign(relay, {
    port: Number(relay.address.split(":")[1]),
    async carrying(bytes: number, run: () => void) {
      const before = relay.connections.map(({ toOrigin }) => toOrigin.bytes);
      const found = () =>
        relay.connections.find(({ toOrigin }, i) => toOrigin.bytes - (before[i] ?? 0) >= bytes);
      run();
      await until(() => found() !== undefined, "a connection that carries the request");
      return found() as RelayedConnection;
    },
    [Symbol.asyncDispose]: () => relay.close(),
  });
};
