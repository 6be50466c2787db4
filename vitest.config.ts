import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Tests that start processes (daemons, commands, a browser) have this ending, wherever they stand. */
const SYSTEM = "test/**/*.system.test.ts";

/** Where Node keeps what it made of the sources; each of the hundreds of processes would strip and compile them anew. */
const COMPILED = join(import.meta.dirname, "node_modules", ".cache", "coilgun-compiled");

/** It only turns a hang into a failure; an idle machine needs a twentieth, a busy one has much else to do. */
const WAIT_MS = 240_000;

export default defineConfig({
  test: {
    testTimeout: WAIT_MS,
    hookTimeout: WAIT_MS,
    // Files share a worker and the modules it has loaded; loading them for each file costs more than most files' tests.
    isolate: false,
    // Of the processors: tests wait for sockets and processes half of their time.
    maxWorkers: "150%",
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
          env: { NODE_COMPILE_CACHE: COMPILED },
        },
      },
    ],
  },
});
