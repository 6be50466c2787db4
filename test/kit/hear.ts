/** A listener for transports under test: keeps what it hears, and lets a test wait for the next of it. */
import type { Transport } from "../../protocol/transport/transport.ts";

export interface Heard {
  readonly messages: Buffer[];
  /** Every reason that `closed` was called with: exactly one in the end. */
  readonly reasons: string[];
  readonly drains: number;
  /** Resolves when `count` messages have been heard altogether. */
  messagesReach(count: number): Promise<readonly Buffer[]>;
  drained(): Promise<void>;
  /** Resolves with the reason. */
  closed(): Promise<string>;
}

/** Calls `listen` on the transport. `onMessage` runs inside the event, as a link's code would. */
export const hear = (transport: Transport, onMessage?: (message: Buffer) => void): Heard => {
  const messages: Buffer[] = [];
  const reasons: string[] = [];
  let drains = 0;
  let waiting: { met: () => boolean; resolve: () => void }[] = [];
  const look = () => {
    for (const wait of waiting) if (wait.met()) wait.resolve();
    waiting = waiting.filter((wait) => !wait.met());
  };
  const until = (met: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ met, resolve });
      look();
    });
  transport.listen({
    message(bytes) {
      messages.push(Buffer.from(bytes));
      onMessage?.(bytes);
      look();
    },
    drain() {
      drains++;
      look();
    },
    closed(why) {
      reasons.push(why);
      look();
    },
  });
  return {
    messages,
    reasons,
    get drains() {
      return drains;
    },
    messagesReach: (count) => until(() => messages.length >= count).then(() => messages),
    drained: () => {
      const before = drains;
      return until(() => drains > before);
    },
    closed: () => until(() => reasons.length > 0).then(() => reasons[0] ?? ""),
  };
};
