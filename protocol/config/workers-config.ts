/**
 * The setting `workers` of both daemons: how many of them share the work, and what of the daemon's bounds each one gets.
 * One by default: it knows every version, and its memory is what the file says. `auto` takes a worker for each core, but no
 * more than MOST_AUTO_WORKERS, and no more than the memory budget has room for: each must be able to put a page together.
 */
import { availableParallelism } from "node:os";
import { z } from "zod";
import type { MemorySettings, StoreSettings } from "./schema.ts";

export const MOST_WORKERS = 64;
/** Every worker has to learn every page, and has a Node.js of its own in memory: more has to be asked for by number. */
export const MOST_AUTO_WORKERS = 8;

/** As it is written; `workersOf` makes a number of it. */
export type WorkersWish = number | "auto";

export const workersSetting = () =>
  z
    .unknown()
    .prefault(1)
    .transform((value, context): WorkersWish => {
      if (value === "auto") return value;
      if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MOST_WORKERS)
        return value;
      context.addIssue({
        code: "custom",
        message: `must be a whole number from 1 to ${MOST_WORKERS}, or auto for one on each core`,
      });
      return z.NEVER;
    });

/** What a number of workers depends on; every config has it. */
interface Bounds {
  readonly memory: MemorySettings;
  readonly limits: { readonly pageBytes: number };
}

export const workersOf = (
  wish: WorkersWish,
  { memory, limits }: Bounds,
  cores: number = availableParallelism(),
): number =>
  wish === "auto"
    ? Math.max(1, Math.min(cores, MOST_AUTO_WORKERS, Math.floor(memory.budgetBytes / limits.pageBytes)))
    : wish;

/** Whether each worker's share of the memory budget holds a page. */
export const hasRoomForPages = ({
  workers,
  memory,
  limits,
}: Bounds & { readonly workers: WorkersWish }): boolean =>
  workers === "auto" || limits.pageBytes <= memory.budgetBytes / workers;

export const NO_ROOM_FOR_PAGES = {
  abort: true,
  path: ["workers"],
  error:
    "must be so few that limits.pageBytes fits into each one's share of memory.budget; lower it, or raise memory.budget",
};

/** A worker's share of a count; together they are at least the whole. */
export const shareOf = (whole: number, workers: number): number => Math.ceil(whole / workers);

export const storeShare = (store: StoreSettings, workers: number): StoreSettings => ({
  ...store,
  sizeBytes: Math.floor(store.sizeBytes / workers),
});

/** Of a key's share a worker gets at least what one page needs. */
export const memoryShare = ({ memory, limits }: Bounds, workers: number): MemorySettings => {
  const budgetBytes = Math.floor(memory.budgetBytes / workers);
  const perKeyBytes = Math.max(Math.floor(memory.perKeyBytes / workers), limits.pageBytes);
  return { budgetBytes, perKeyBytes: Math.min(perKeyBytes, budgetBytes) };
};
