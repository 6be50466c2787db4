import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Real sockets and processes answer well within this; it only turns a hang into a failure.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
