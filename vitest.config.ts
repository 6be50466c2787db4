import { defineConfig } from "vitest/config";

/** Tests that start processes (daemons, commands, a browser) have this ending, wherever they stand. */
const SYSTEM = "test/**/*.system.test.ts";

/** It only turns a hang into a failure; an idle machine needs a twentieth, a busy one has much else to do. */
const WAIT_MS = 240_000;

export default defineConfig({
  test: {
    testTimeout: WAIT_MS,
    hookTimeout: WAIT_MS,
    // Files share a worker and the modules it has loaded; loading them for each file costs more than most files' tests.
    isolate: false,
    // Node loads the sources as they are, and no test replaces a module; Vite's runner takes a quarter of the CPU time of all that it runs.
    experimental: { viteModuleRunner: false },
    // As daemons have it (young-generation.ts): V8 makes old at once what it has seen survive, and what tests of scavenges let go of would live until the whole heap is
    // collected, after some files. What modules and tests keep makes the heap of a worker large, and V8 marks all of it whenever its Buffers have grown by some
    // MiB: a fifth of the CPU time of the unit tests. Here heap and Buffers together may grow to five times what was alive before it does.
    execArgv: [
      "--no-allocation-site-pretenuring",
      "--external-memory-accounted-in-global-limit",
      "--heap-growing-percent=400",
    ],
    // One for each processor, though tests wait for sockets and processes half of their time: with twice as many the suite took as long, and a visit of some hundred thousand met a
    // daemon that had no processor for seconds.
    maxWorkers: "100%",
    // Of what runs inside the tests; what processes run is not seen.
    coverage: {
      provider: "v8",
      include: ["{edge-side,origin-side,protocol}/**/*.ts"],
      reporter: ["text-summary", "html"],
    },
    projects: [
      { extends: true, test: { name: "unit", include: ["test/**/*.test.ts"], exclude: [SYSTEM] } },
      {
        extends: true,
        test: {
          name: "system",
          include: [SYSTEM],
          globalSetup: "test/kit/built-daemons.ts",
        },
      },
    ],
  },
});
