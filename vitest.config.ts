import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Tests that start processes (daemons, commands, a browser) have this ending, wherever they stand. */
const SYSTEM = "test/**/*.system.test.ts";

/** Where Node keeps what it made of the sources; each of the hundreds of processes would strip and compile them anew. */
const COMPILED = join(import.meta.dirname, "node_modules", ".cache", "coilgun-compiled");

/** Of a test that starts processes; an idle machine needs a twentieth. */
const WAIT_MS = 240_000;

export default defineConfig({
  test: {
    // Real sockets answer well within this; it only turns a hang into a failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Files share a worker and the modules it has loaded; loading them for each file costs more than most files' tests.
    isolate: false,
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
          // A process takes a second to start, and several on a busy machine; some tests start a dozen, one after the other.
          testTimeout: WAIT_MS,
          hookTimeout: WAIT_MS,
        },
      },
    ],
  },
});
