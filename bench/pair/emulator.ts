/**
 * A program: a TCP relay that makes loopback behave like a link of given rate, delay and buffers, in both directions
 * alike. All connections through it share the link. Opening a connection takes no round trip, which is kind to whoever
 * opens many.
 */
import { connect, createServer, type Socket } from "node:net";
import { parseHostPort } from "../../protocol/config/units.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { listenOnLoopback } from "../rig/loopback.ts";
import { EmulatedLine, type Flow, type LineSettings } from "./emulated-line.ts";
import { runProgram } from "./program.ts";

export interface EmulatorSettings {
  /** host:port that connections go on to. */
  readonly target: string;
  readonly rttMs: number;
  /** Of each direction; null for no limit. */
  readonly bytesPerSecond: number | null;
  readonly bufferBytes: number;
}

export interface Emulator {
  readonly address: string;
  close(): Promise<void>;
}

export async function startEmulator(
  { target, rttMs, bytesPerSecond, bufferBytes }: EmulatorSettings,
  clock: Clock,
): Promise<Emulator> {
  const settings: LineSettings = {
    delayMs: rttMs / 2,
    bytesPerSecond: bytesPerSecond ?? Number.POSITIVE_INFINITY,
    bufferBytes,
  };
  const there = new EmulatedLine(settings, clock);
  const back = new EmulatedLine(settings, clock);
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...parseHostPort(target), allowHalfOpen: true, noDelay: true });
    const flows = [carry(there, near, far), carry(back, far, near)];
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      // A reset is told at once: what is under way is lost then on a real link too.
      socket.on("error", () => {
        for (const flow of flows) flow.drop();
        other.resetAndDestroy();
      });
    }
  });
  const address = await listenOnLoopback(server);
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function carry(line: EmulatedLine, from: Socket, to: Socket): Flow {
  const flow = line.join({ write: (bytes) => to.write(bytes), end: () => to.end() }, () => from.resume());
  from.on("data", (chunk: Buffer) => {
    if (!flow.take(chunk)) from.pause();
  });
  from.on("end", () => flow.end());
  to.on("drain", () => flow.resume());
  return flow;
}

if (import.meta.main)
  runProgram<EmulatorSettings>(async (settings) => (await startEmulator(settings, systemClock)).address);
