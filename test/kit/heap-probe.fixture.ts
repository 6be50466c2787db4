/** Loaded into a daemon by a test (`node --expose-gc --import`): at SIGUSR2 it says what the daemon holds once garbage is gone. */
process.on("SIGUSR2", () => {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error("start it with --expose-gc");
  void collect();
  // What the first one found is freed in the background; the second waits for that.
  setImmediate(() => {
    void collect();
    const { heapUsed, external } = process.memoryUsage();
    process.stderr.write(
      `${JSON.stringify({ event: "heap", heapBytes: heapUsed, externalBytes: external })}\n`,
    );
  });
});
