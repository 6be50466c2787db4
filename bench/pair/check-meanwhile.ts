/** While a load runs, a visitor beside it checks some answers in full, so that no wrong page is counted as an answer. */
import { systemClock } from "../../protocol/runtime/clock.ts";
import { note } from "./flaws.ts";
import { type Encodings, type FlawIn, timedVisitor } from "./timed-visit.ts";

/** Between two answers that are checked in full: a hundredth of the load at most. */
const CHECK_EVERY_MS = 50;

export interface Checked {
  readonly checked: number;
  readonly wrong: number;
  readonly firstFlaws: readonly string[];
}

/** Checks answers until `signal` fires, one at least. Never rejects: what is wrong is counted. */
export async function checkMeanwhile(
  {
    address,
    path,
    encodings,
  }: { readonly address: string; readonly path: string; readonly encodings: Encodings },
  signal: AbortSignal,
  flawIn?: FlawIn,
): Promise<Checked> {
  const visitor = timedVisitor(address, systemClock, flawIn);
  const firstFlaws: string[] = [];
  let [checked, wrong] = [0, 0];
  do {
    const { flaw } = await visitor.visit(path, encodings);
    checked += 1;
    if (flaw !== undefined) {
      wrong += 1;
      note(firstFlaws, flaw);
    }
    await systemClock.sleep(CHECK_EVERY_MS, signal).catch(() => undefined);
  } while (!signal.aborted);
  visitor.close();
  return { checked, wrong, firstFlaws };
}
