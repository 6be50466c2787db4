/** The place of one kept link among those to the same edge. SPEC section "Dialling". */
import type { Hello } from "../../protocol/frames/hello.ts";

export interface LinkPlace {
  /** False once the edge has fewer workers: the link is not kept up any more. */
  isNeeded(): boolean;
  /** Waits until this link may be dialled; call what it resolves with when the peer is known, or not reached. */
  turn(): Promise<() => void>;
  /** Takes the link for this worker of the edge; returns how to give it back, or undefined: the worker has enough. */
  take(peer: Hello): (() => void) | undefined;
  /** So many spare links in a row are dialled anew at once; then after pauses. */
  readonly mostSpares: number;
}

const nothing = (): void => {};

/** Where any link is welcome. */
export const FREE_PLACE: LinkPlace = {
  isNeeded: () => true,
  turn: async () => nothing,
  take: () => nothing,
  mostSpares: 0,
};
