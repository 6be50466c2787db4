/**
 * Servers that stand beside the pair in `coilgun-bench resting`: web servers that give each connection a thread or a process, as Debian
 * installs them, and nginx as a reverse proxy with nothing set but where to.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { parseHostPort } from "../../protocol/config/units.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { listenOnLoopback } from "../rig/loopback.ts";

export interface OutsideServer extends AsyncDisposable {
  /** host:port. */
  readonly address: string;
  signal(name: NodeJS.Signals): void;
}

export interface Recipe {
  readonly program: string;
  /** What a person can do where it is missing. */
  readonly get: string;
  /** Files that it needs, in a folder of its own, and its command line. */
  files(address: string, folder: string): Readonly<Record<string, string>>;
  args(address: string, folder: string): readonly string[];
}

const READY_MS = 20_000;
const READY_EVERY_MS = 50;

export const PUMA: Recipe = {
  program: "puma",
  get: "apt-get install puma ruby-rack",
  files: () => ({
    "config.ru": `run ->(env) { [200, { "Content-Type" => "text/html" }, ["<p>A page</p>"]] }\n`,
  }),
  args: (address, folder) => [
    "--quiet",
    "--threads",
    "5:5",
    "--bind",
    `tcp://${address}`,
    join(folder, "config.ru"),
  ],
};

const APACHE_MODULES = ["mpm_prefork", "authz_core", "dir", "mime"];

/** The numbers are Debian's. */
export const APACHE: Recipe = {
  program: "apache2",
  get: "apt-get install apache2",
  files: (address, folder) => ({
    "index.html": "<p>A page</p>",
    "apache.conf": `
ServerName localhost
ServerRoot ${folder}
DocumentRoot ${folder}
Listen ${address}
PidFile apache.pid
ErrorLog apache.log
${APACHE_MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
TypesConfig /etc/mime.types
User www-data
Group www-data
StartServers 5
MinSpareServers 5
MaxSpareServers 10
MaxRequestWorkers 150
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 5
`,
  }),
  args: (_, folder) => ["-D", "FOREGROUND", "-f", join(folder, "apache.conf")],
};

export const nginxBefore = (webServer: string): Recipe => ({
  program: "nginx",
  get: "apt-get install nginx-light",
  files: (address) => ({
    "nginx.conf": `
pid nginx.pid;
error_log nginx.log;
daemon off;
events {}
http {
  access_log off;
${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${name};`).join("\n")}
  server {
    listen ${address};
    location / { proxy_pass http://${webServer}; }
  }
}
`,
  }),
  args: (_, folder) => ["-p", folder, "-e", "nginx.log", "-c", "nginx.conf"],
});

/** Resolves when it serves a page. Rejects, with how to get it, where the program is missing. */
export const startOutside = async (
  recipe: Recipe,
  clock: Clock,
  signal: AbortSignal,
): Promise<OutsideServer> => {
  const undo = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(join(tmpdir(), "coilgun-outside-"));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    const address = await freeAddress();
    for (const [name, text] of Object.entries(recipe.files(address, folder)))
      await writeFile(join(folder, name), text);
    const child = spawn(recipe.program, recipe.args(address, folder), {
      stdio: ["ignore", "ignore", "pipe"],
      // Apache ends its whole process group.
      detached: true,
    });
    const killAtExit = () => child.kill("SIGTERM");
    process.once("exit", killAtExit);
    const said = buffer(child.stderr);
    const ended = once(child, "close").then(
      async () => `${recipe.program} ended: ${await said}`,
      () => `${recipe.program} is needed: ${recipe.get}`,
    );
    undo.defer(async () => {
      child.kill("SIGTERM");
      await ended;
      process.off("exit", killAtExit);
    });
    const ready = clock.within(READY_MS, signal, async (within) => {
      while (!(await serves(address))) await clock.sleep(READY_EVERY_MS, within);
    });
    const failed = await Promise.race([ready, ended]);
    if (failed !== undefined) throw new Error(failed);
    return {
      address,
      signal: (name) => void child.kill(name),
      [Symbol.asyncDispose]: () => undo.disposeAsync(),
    };
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
};

/** Free a moment ago: these servers do not choose a port themselves. */
const freeAddress = async (): Promise<string> => {
  const server = createServer();
  const address = await listenOnLoopback(server);
  server.close();
  await once(server, "close");
  return address;
};

const serves = async (address: string): Promise<boolean> => {
  try {
    const asked = request({ ...parseHostPort(address), agent: false }).end();
    const [response] = await once(asked, "response");
    await buffer(response);
    return response.statusCode === 200;
  } catch {
    return false;
  }
};
