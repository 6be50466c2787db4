import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import { makeLog } from "../../../protocol/daemon/log.ts";
import { type RunningDaemon, runDaemon } from "../../../protocol/daemon/run-daemon.ts";
import { settle } from "../../kit/fake-clock.ts";
import { startScript } from "../../kit/run-command.ts";

interface TestConfig {
  readonly name: string;
  readonly log: { readonly level: "info" | "debug"; readonly format: "json" };
  readonly admin: readonly [];
}

/** A daemon that does nothing but remember, and the signals, config and log lines around it. */
const runTestDaemon = (over: Partial<RunningDaemon<TestConfig>> = {}) => {
  const signals = new EventEmitter();
  const lines: string[] = [];
  const reloaded: string[] = [];
  const reopened: string[] = [];
  const state: { config: TestConfig | ConfigError } = {
    config: { name: "first", log: { level: "info", format: "json" }, admin: [] },
  };
  const code = runDaemon<TestConfig, RunningDaemon<TestConfig>>({
    name: "test",
    load() {
      if (state.config instanceof ConfigError) throw state.config;
      return state.config;
    },
    start: async (_, log) => {
      log.debug("detail");
      return {
        reload: async ({ name }) => {
          reloaded.push(name);
          log.debug("detail");
          return [];
        },
        reopenAccessLog: () => reopened.push("again"),
        stop: async () => {},
        ...over,
      };
    },
    describe: (_, { name }) => ({ name }),
    signals,
    makeLog: (settings) => makeLog(settings, { write: (line) => lines.push(line) }),
  });
  const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);
  return { signals, lines, events, reloaded, reopened, state, code };
};

const BAD = new ConfigError([{ file: "c.yaml", line: 3, column: 5, message: "visitors has no port" }]);

describe("a daemon that runs", () => {
  it.each(["SIGTERM", "SIGINT"])("says once that it is ready, and ends in order on %s", async (signal) => {
    const run = runTestDaemon();
    await settle();
    expect(JSON.parse(run.lines[0] ?? "")).toMatchObject({ event: "ready", name: "first" });
    run.signals.emit(signal);
    expect(await run.code).toBe(0);
    expect(run.events()).toEqual(["ready", "stopping", "stopped"]);
    expect(run.signals.eventNames()).toEqual([]);
  });

  it("ends at once on the second signal, even if stopping never ends", async () => {
    const run = runTestDaemon({ stop: () => new Promise(() => {}) });
    await settle();
    run.signals.emit("SIGTERM");
    run.signals.emit("SIGINT");
    expect(await run.code).toBe(1);
  });

  it("ends with 1 when it cannot stop in order", async () => {
    const run = runTestDaemon({ stop: () => Promise.reject(new Error("stuck")) });
    await settle();
    run.signals.emit("SIGTERM");
    expect(await run.code).toBe(1);
    expect(run.events()).toContain("stopping failed");
  });

  it("reads the config again on SIGHUP, the log's level too", async () => {
    const run = runTestDaemon();
    await settle();
    run.state.config = { name: "second", log: { level: "debug", format: "json" }, admin: [] };
    run.signals.emit("SIGHUP");
    await settle();
    run.signals.emit("SIGHUP");
    await settle();
    expect(run.reloaded).toEqual(["second", "second"]);
    expect(run.events()).toEqual(["ready", "config reloaded", "detail", "config reloaded"]);
    run.signals.emit("SIGTERM");
    await run.code;
  });

  it("keeps the config in use when the new one is not valid, and logs its problems", async () => {
    const run = runTestDaemon();
    await settle();
    run.state.config = BAD;
    run.signals.emit("SIGHUP");
    await settle();
    expect(run.reloaded).toEqual([]);
    expect(JSON.parse(run.lines.at(-1) ?? "")).toMatchObject({
      level: "error",
      problems: ["c.yaml:3:5: visitors has no port"],
    });
    run.signals.emit("SIGTERM");
    expect(await run.code).toBe(0);
  });

  it("lives on when it cannot take over a valid config", async () => {
    const run = runTestDaemon({ reload: () => Promise.reject(new Error("no")) });
    await settle();
    run.signals.emit("SIGHUP");
    await settle();
    expect(run.events()).toEqual(["ready", "reload failed"]);
    run.signals.emit("SIGTERM");
    expect(await run.code).toBe(0);
  });

  it("opens its access log again on SIGUSR1", async () => {
    const run = runTestDaemon();
    await settle();
    run.signals.emit("SIGUSR1");
    expect([run.reopened, run.reloaded]).toEqual([["again"], []]);
    run.signals.emit("SIGTERM");
    await run.code;
  });

  it("never reloads twice at once", async () => {
    const first = Promise.withResolvers<void>();
    let reloads = 0;
    const run = runTestDaemon({
      reload: () => {
        reloads++;
        return first.promise.then(() => []);
      },
    });
    await settle();
    run.signals.emit("SIGHUP");
    run.signals.emit("SIGHUP");
    await settle();
    expect(reloads).toBe(1);
    first.resolve();
    await settle();
    expect(reloads).toBe(2);
    run.signals.emit("SIGTERM");
    await run.code;
  });

  it("does not start with a config that is not valid", async () => {
    const refused = runDaemon<TestConfig, RunningDaemon<TestConfig>>({
      name: "test",
      load() {
        throw BAD;
      },
      start: () => Promise.reject(new Error("started")),
      describe: () => ({}),
      signals: new EventEmitter(),
    });
    await expect(refused).rejects.toBe(BAD);
  });
});

it("stays alive with nothing open, whatever other signals come, and opens no debugger, until a real signal", async () => {
  const program = `
    import { runDaemon } from "./protocol/daemon/run-daemon.ts";
    process.exitCode = await runDaemon({
      load: () => ({ log: { level: "info", format: "json" } }),
      start: async () => ({ reload: async () => [], reopenAccessLog() {}, stop: async () => {} }),
      describe: () => ({}),
    });`;
  const { child, said, ended } = startScript(["--input-type=module", "-e", program]);
  await said('"ready"');
  child.kill("SIGHUP");
  await said('"config reloaded"');
  child.kill("SIGUSR2");
  child.kill("SIGUSR1");
  await said('"access log opened again"');
  child.kill("SIGTERM");
  const { code, stderr } = await ended;
  expect([code, stderr]).toEqual([0, expect.not.stringContaining("Debugger")]);
});
