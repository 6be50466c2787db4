/** The thread of a file that stands still at its next question where there is `PATH-freeze`: for ever, or where that is a database within SQLite, until it is unlocked. */
import { lstatSync, renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

const port = parentPort as MessagePort;
const [order, obeyed] = [`${workerData.path}-freeze`, `${workerData.path}-frozen`];
const on = port.on.bind(port);
Object.assign(port, {
  on: (event: string, listener: (message: unknown) => void) =>
    on(event, (message: unknown) => {
      const found = lstatSync(order, { throwIfNoEntry: false });
      if (found !== undefined) renameSync(order, obeyed);
      if (found !== undefined && found.size > 0)
        new DatabaseSync(obeyed, { timeout: 600_000 }).exec("BEGIN IMMEDIATE");
      else if (found !== undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      listener(message);
    }),
});
await import("../../../../protocol/tier/disk/disk-worker.ts");
