/**
 * A TCP relay on loopback that keeps every byte of both directions and can stop reading one of them: what a test needs
 * to see what really crosses a wire, and to be a peer that does not read.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface TlsRecord {
  /** 22 handshake, 23 application data. */
  readonly type: number;
  /** Header included. */
  readonly bytes: number;
}

export interface WireTap extends AsyncDisposable {
  readonly port: number;
  /** Everything seen so far from the dialler ("up") or from the listener ("down"). */
  seen(direction: "up" | "down"): Buffer;
  /** Stops reading what comes from that side, and so fills its buffers. */
  stopReading(direction: "up" | "down"): void;
  readOn(direction: "up" | "down"): void;
}

/** Relays connections to a loopback port; disposing breaks them. */
export const tapWire = async (to: number): Promise<WireTap> => {
  const seen = { up: [] as Buffer[], down: [] as Buffer[] };
  const sources = { up: new Set<Socket>(), down: new Set<Socket>() };
  const carry = (direction: "up" | "down", from: Socket, into: Socket) => {
    sources[direction].add(from);
    from.on("data", (bytes: Buffer) => {
      seen[direction].push(bytes);
      if (!into.write(bytes)) from.pause();
    });
    into.on("drain", () => from.resume());
    from.on("end", () => into.end());
    from.on("error", () => into.destroy());
    from.on("close", () => into.destroy());
  };
  const server = createServer((dialler) => {
    const listener = connect(to, "127.0.0.1");
    dialler.setNoDelay(true);
    listener.setNoDelay(true);
    carry("up", dialler, listener);
    carry("down", listener, dialler);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    seen: (direction) => Buffer.concat(seen[direction]),
    stopReading: (direction) => {
      for (const source of sources[direction]) source.pause();
    },
    readOn: (direction) => {
      for (const source of sources[direction]) source.resume();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const source of [...sources.up, ...sources.down]) source.destroy();
      await closed;
    },
  };
};

/** The whole TLS records in what crossed one way. */
export const tlsRecords = (bytes: Buffer): TlsRecord[] => {
  const records: TlsRecord[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = 5 + bytes.readUInt16BE(at + 3);
    records.push({ type: bytes.readUInt8(at), bytes: length });
    at += length;
  }
  return records;
};
