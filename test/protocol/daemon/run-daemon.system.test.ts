import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askStatus } from "../../../protocol/admin/ask-daemon.ts";
import type { AdminListen } from "../../../protocol/config/admin-settings.ts";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import { type Log, makeLog } from "../../../protocol/daemon/log.ts";
import { MOST_EVENTS } from "../../../protocol/daemon/recent-events.ts";
import { askToReload } from "../../../protocol/daemon/reload.ts";
import { type RunningDaemon, runDaemon } from "../../../protocol/daemon/run-daemon.ts";
import { settle } from "../../kit/fake-clock.ts";
import { startScript } from "../../kit/run-command.ts";
import { until } from "../../kit/until.ts";
import { watchedOf } from "../admin/watched.ts";

interface TestConfig {
  readonly name: string;
  readonly log: { readonly level: "info" | "debug"; readonly format: "json" };
  readonly admin: readonly AdminListen[];
}

/** A daemon that does nothing but remember, and the signals, config and log lines around it. */
const runTestDaemon = (
  over: Partial<RunningDaemon<TestConfig>> = {},
  first: TestConfig = { name: "first", log: { level: "info", format: "json" }, admin: [] },
  start: (log: Log) => void | Promise<void> = (log) => log.debug("detail"),
) => {
  const signals = new EventEmitter();
  const lines: string[] = [];
  const reloaded: string[] = [];
  const reopened: string[] = [];
  const state: { config: TestConfig | ConfigError } = { config: first };
  const code = runDaemon<TestConfig, RunningDaemon<TestConfig>>({
    name: "test",
    load() {
      if (state.config instanceof ConfigError) throw state.config;
      return state.config;
    },
    start: async (_, log) => {
      await start(log);
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

  it("reads the config again that SIGHUP told of while it started", async () => {
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const run = runTestDaemon({}, undefined, () => started);
    await settle();
    run.state.config = { name: "second", log: { level: "info", format: "json" }, admin: [] };
    run.signals.emit("SIGHUP");
    expect(run.signals.listenerCount("SIGHUP")).toBe(1); // without one the process would have ended
    start();
    await settle();
    expect([run.events(), run.reloaded]).toEqual([["ready", "config reloaded"], ["second"]]);
    run.signals.emit("SIGTERM");
    await run.code;
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

  it("takes the config in use over again when a part of the next one may have been", async () => {
    const seen: string[] = [];
    const run = runTestDaemon({
      reload: async ({ name }) => {
        seen.push(name);
        if (name === "second") throw new Error("no");
        return [];
      },
    });
    await settle();
    run.state.config = { name: "second", log: { level: "info", format: "json" }, admin: [] };
    run.signals.emit("SIGHUP");
    await settle();
    expect(seen).toEqual(["second", "first"]);
    run.signals.emit("SIGTERM");
    await run.code;
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

describe("a daemon that can be asked", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "coilgun-run-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const askedAt = (paths: readonly string[]): TestConfig => ({
    name: "first",
    log: { level: "info", format: "json" },
    admin: paths.map((path) => ({ path })),
  });

  it("reloads before it has the last of its admin sockets", async () => {
    const [path, silent] = [join(folder, "a.sock"), join(folder, "b.sock")];
    const before = createServer().listen(silent);
    await once(before, "listening");
    const asked = once(before, "connection");
    const run = runTestDaemon({ watched: watchedOf() }, askedAt([path, silent]));
    const [question] = await asked;
    for (let n = 0; n < 2; n++)
      expect(await askToReload(path, "c.yaml", { program: "test" })).toEqual(["config reloaded"]);
    question.destroy();
    await until(() => run.events().includes("ready"));
    run.signals.emit("SIGTERM");
    expect(await run.code).toBe(0);
    before.close();
  });

  it("shows what it says itself, and no more of one event than its log has", async () => {
    const admin = [{ path: join(folder, "a.sock") }];
    const run = runTestDaemon({ watched: watchedOf() }, askedAt(admin.map(({ path }) => path)), (log) => {
      for (let n = 0; n < 2 * MOST_EVENTS; n++) log.warn("visit failed");
    });
    await until(() => run.events().includes("ready"));
    const { events } = await askStatus(admin, "c.yaml", { program: "test" });
    const shown = events.toReversed().map(({ event }) => event);
    expect(shown).toContain("ready");
    expect(shown).toEqual(run.events().slice(0, shown.length));
    run.signals.emit("SIGTERM");
    expect(await run.code).toBe(0);
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

it("closes a debugger that a signal opened before there were listeners", async () => {
  const program = `
    import inspector from "node:inspector";
    import { runDaemon } from "./protocol/daemon/run-daemon.ts";
    inspector.open(0);
    process.exitCode = await runDaemon({
      load: () => ({ log: { level: "info", format: "json" } }),
      start: async () => ({ reload: async () => [], reopenAccessLog() {}, stop: async () => {} }),
      describe: () => ({ debugger: inspector.url() ?? "none" }),
    });`;
  const { child, said } = startScript(["--input-type=module", "-e", program]);
  expect(JSON.parse(await said('"ready"'))).toMatchObject({ debugger: "none" });
  child.kill("SIGTERM");
});
