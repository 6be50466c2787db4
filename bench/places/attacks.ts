/**
 * What visitors of one network can do to keep the places of a web server for long: each attack goes on until its signal fires, and
 * begins anew what the pair has ended.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type TLSSocket } from "node:tls";
import type { HostPort } from "../../protocol/config/units.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";

export const HOST = "places.bench.test";
/** Of the range for benchmarks (RFC 2544), as all visitors here. */
export const ATTACKER = "198.18.0.1";

/** Between the end of something and its next beginning. */
const AGAIN_MS = 100;
/** Between two bytes of a slow form. */
const SLOW_MS = 1_000;
const FORM_BYTES = 100_000;

interface Ground {
  readonly visitors: HostPort;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How many times as fast as it is meant; for a short run. */
  readonly haste: number;
}

export interface Attack {
  readonly name: string;
  /** What is under way at the web server at least, once it has begun. */
  readonly holds: number;
  /** Whether the attackers' own network gets pages too meanwhile. */
  readonly sparesOwn: boolean;
  run(ground: Ground): Promise<void>;
}

/** Runs `open` so many times at once; each begins again when it has ended. */
const keep = async (count: number, { clock, signal }: Ground, open: () => Promise<void>): Promise<void> => {
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (!signal.aborted) {
        await open().catch(() => undefined);
        await clock.sleep(AGAIN_MS, signal).catch(() => undefined);
      }
    }),
  );
};

/** Sends a request of HTTP/1.1 on a connection of its own; resolves when that has closed. `heard`: the first bytes have come. */
const holdOpen = async (
  { visitors, signal }: Ground,
  path: string,
  fields: readonly string[] = [],
  heard: (socket: TLSSocket) => void = (socket) => socket.resume(),
): Promise<void> => {
  const socket = connect({ ...visitors, ALPNProtocols: ["http/1.1"], rejectUnauthorized: false });
  const leave = () => socket.destroy();
  signal.addEventListener("abort", leave, { once: true });
  socket.once("data", () => heard(socket)).on("error", () => {});
  socket.write(
    [`GET ${path} HTTP/1.1`, `Host: ${HOST}`, `X-Forwarded-For: ${ATTACKER}`, ...fields, "\r\n"].join("\r\n"),
  );
  await once(socket, "close");
  signal.removeEventListener("abort", leave);
};

const WEBSOCKET = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** One connection, on which forms are sent a byte at a time. */
const slowForms =
  (count: number) =>
  async (ground: Ground): Promise<void> => {
    let session: ClientHttp2Session | undefined;
    const authority = `https://${ground.visitors.host}:${ground.visitors.port}`;
    const current = (): ClientHttp2Session => {
      if (session === undefined || session.closed || session.destroyed)
        session = connectHttp2(authority, { rejectUnauthorized: false }).on("error", () => {});
      return session;
    };
    ground.signal.addEventListener("abort", () => session?.destroy(), { once: true });
    await keep(count, ground, async () => {
      const form = current().request({
        ":method": "POST",
        ":path": "/form",
        ":authority": HOST,
        "content-type": "application/x-www-form-urlencoded",
        "content-length": FORM_BYTES,
        "x-forwarded-for": ATTACKER,
      });
      form.on("error", () => {}).resume();
      const closed = once(form, "close");
      while (!form.destroyed) {
        form.write("x");
        await ground.clock.sleep(SLOW_MS, ground.signal).catch(() => undefined);
        if (ground.signal.aborted) form.destroy();
      }
      await closed;
    });
  };

const HANGING_MS = 200;

/** Asks for a page that never comes, five times a second, and waits for each. */
const hanging = async (ground: Ground): Promise<void> => {
  const { clock, signal, haste } = ground;
  const asked: Promise<void>[] = [];
  while (!signal.aborted) {
    asked.push(holdOpen(ground, "/hanging", ["Connection: close"]).catch(() => undefined));
    await clock.sleep(HANGING_MS / haste, signal).catch(() => undefined);
  }
  await Promise.all(asked);
};

export const ATTACKS: readonly Attack[] = [
  // To compare with: what the machine alone makes visitors wait.
  { name: "nothing", holds: 0, sparesOwn: true, run: async () => {} },
  { name: "forms", holds: 65, sparesOwn: false, run: slowForms(128) },
  {
    name: "events",
    holds: 200,
    sparesOwn: true,
    run: (ground) => keep(200, ground, () => holdOpen(ground, "/events")),
  },
  {
    name: "websockets",
    holds: 130,
    sparesOwn: true,
    run: (ground) => keep(130, ground, () => holdOpen(ground, "/socket", WEBSOCKET)),
  },
  {
    name: "images",
    holds: 96,
    sparesOwn: false,
    run: (ground) => keep(130, ground, () => holdOpen(ground, "/image", [], (socket) => void socket.pause())),
  },
  { name: "hanging", holds: 1, sparesOwn: false, run: hanging },
];
