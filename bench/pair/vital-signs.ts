/**
 * Loaded before a measured program (`node --import`): hears how its event loop and its collector do, and counts the
 * bytes of its sockets as they cross the wire, TLS included, without a relay that would cost time. Answers to the
 * harness over the child's channel; without one it does nothing.
 */
import { channel } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { answerQuestions } from "./child-channel.ts";

/** The timer that feels for delay comes this often; what it measures includes it. */
const FEEL_MS = 5;

export interface VitalSigns {
  /** How late the loop came to a timer, since the last question. The longest is about the longest synchronous span. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly longest: number };
  /** Collection: all together, the longest pause, how many, and how many of them of the whole heap, since the last question. */
  readonly collection: {
    readonly ms: number;
    readonly longestMs: number;
    readonly count: number;
    readonly full: number;
  };
  /** Bytes since the start of connections that came in, by the port they came to. */
  readonly inbound: Readonly<Record<number, SocketBytes>>;
  /** Of all connections that were dialled. */
  readonly dialled: SocketBytes;
}

export interface SocketBytes {
  readonly received: number;
  readonly sent: number;
}

class SocketCount {
  readonly #open = new Set<Socket>();
  #received = 0;
  #sent = 0;

  add(socket: Socket): void {
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#received += socket.bytesRead;
      this.#sent += socket.bytesWritten;
    });
  }

  read(): SocketBytes {
    let [received, sent] = [this.#received, this.#sent];
    for (const socket of this.#open) {
      received += socket.bytesRead;
      sent += socket.bytesWritten;
    }
    return { received, sent };
  }
}

function watch(): () => VitalSigns {
  const inbound = new Map<number, SocketCount>();
  const dialled = new SocketCount();
  channel("net.server.socket").subscribe((message) => {
    const { socket } = message as { socket: Socket };
    const port = socket.localPort ?? 0;
    const count = inbound.get(port) ?? new SocketCount();
    inbound.set(port, count);
    count.add(socket);
  });
  channel("net.client.socket").subscribe((message) => dialled.add((message as { socket: Socket }).socket));

  const delay = monitorEventLoopDelay({ resolution: FEEL_MS });
  delay.enable();
  let collection = { ms: 0, longestMs: 0, count: 0, full: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as typeof entry & { readonly detail?: { readonly kind?: number } };
      const { ms, longestMs, count, full } = collection;
      const whole = detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
      collection = {
        ms: ms + duration,
        longestMs: Math.max(longestMs, duration),
        count: count + 1,
        full: full + Number(whole),
      };
    }
  }).observe({ entryTypes: ["gc"] });

  const late = (nanoseconds: number) =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - FEEL_MS) : 0;
  return () => {
    const signs: VitalSigns = {
      loopDelayMs: {
        p50: late(delay.percentile(50)),
        p99: late(delay.percentile(99)),
        longest: late(delay.count === 0 ? 0 : delay.max),
      },
      collection,
      inbound: Object.fromEntries([...inbound].map(([port, count]) => [port, count.read()])),
      dialled: dialled.read(),
    };
    delay.reset();
    collection = { ms: 0, longestMs: 0, count: 0, full: 0 };
    return signs;
  };
}

if (process.send !== undefined) {
  const read = watch();
  answerQuestions("vital signs", read);
}
