/** What examples/prometheus has, in a real Prometheus: rules that it takes, targets that it reaches, a series for each metric of the dashboard. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeWith, PROMETHEUS } from "../kit/outside-program.ts";
import { until } from "../kit/until.ts";
import { serveAt, watchedOf } from "../protocol/admin/watched.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "prometheus");
const read = (name: string): string => readFileSync(join(EXAMPLES, name), "utf8");
const LOOPBACK = [{ address: { host: "127.0.0.1", port: 0 }, token: undefined, hosts: [] }];

/** Prometheus says no port that the system chose. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = server.address();
  server.close();
  await once(server, "close");
  return typeof at === "object" && at !== null ? at.port : 0;
};

const metricsIn = (text: string): string[] => [
  ...new Set(text.match(/\b(?:coilgun|http_server|http_client|nodejs|process)_[a-z0-9_]+(?=[[{ ]|\))/g)),
];

describeWith(PROMETHEUS, "Prometheus", (prometheus) => {
  it("takes the rules and has a series for every metric of the dashboard and the rules", async () => {
    const folder = mkdtempSync(join(tmpdir(), "coilgun-prometheus-"));
    let scrapes = 0;
    const refused = () => {
      scrapes++;
      return [["limits.visitors", 5]] as const;
    };
    const sides = (["edge", "origin"] as const).map((side) => watchedOf({ side, refused }));
    for (const { traffic, durations } of sides) {
      traffic.note(
        { host: "a.example", target: "/", answer: "whole", reason: "first-visit", pageBytes: 9 },
        9,
      );
      traffic.note({ host: "a.example", target: "/", failed: "origin-silent" }, 0);
      durations.note({ method: "GET", version: "1.1", scheme: "http" }, 200, undefined, 3);
    }
    const admins = await Promise.all(
      sides.map(async (watched) => (await serveAt(LOOPBACK, { watched })).admin),
    );
    const [edge, origin] = admins.map(({ addresses }) => addresses[0]?.port);
    writeFileSync(join(folder, "alerts.yaml"), read("alerts.yaml"));
    writeFileSync(
      join(folder, "prometheus.yaml"),
      read("prometheus.yaml")
        .replace("15s", "1s")
        .replace(":7480", `:${edge}`)
        .replace(":7481", `:${origin}`),
    );
    const port = await freePort();
    const args = [`--config.file=${folder}/prometheus.yaml`, `--storage.tsdb.path=${folder}/data`];
    const child = spawn(prometheus, [...args, `--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
    const ask = async (path: string): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined);
      return (await answer?.text()) ?? "";
    };
    const awaited = async (path: string, met: (text: string) => boolean): Promise<void> => {
      // What is scraped twice is stored once.
      for (let asked = 0; asked < 60; asked++) {
        if (met(await ask(path))) return;
        const enough = scrapes + 2 * sides.length;
        await until(() => scrapes >= enough, "Prometheus at the listeners");
      }
      throw new Error(`${path} did not come to be`);
    };
    try {
      await awaited("query?query=count(up==1)", (text) => text.includes('"2"'));
      expect(await ask("rules")).toContain("CoilgunNotReady");
      const names = metricsIn(read("dashboard.json") + read("alerts.yaml"));
      expect(names.length).toBeGreaterThan(15);
      for (const name of names) await awaited(`query?query=${name}`, (text) => text.includes('"__name__"'));
    } finally {
      child.kill("SIGKILL");
      await once(child, "close");
      for (const { traffic } of sides) traffic.stop();
      for (const admin of admins) await admin.close();
      rmSync(folder, { recursive: true });
    }
  });
});
