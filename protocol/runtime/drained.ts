/** The wait for room in a stream that took the last bytes and wants no more for now. */

interface Draining {
  on(event: "drain" | "close", listener: () => void): this;
  off(event: "drain" | "close", listener: () => void): this;
}

/** Resolves when there is room again, or never will be: it is closed. Leaves no listener behind. */
export const drained = (stream: Draining): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
