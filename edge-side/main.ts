#!/usr/bin/env node
/**
 * The command line of `coilgun-edge`: run, alone, reload, status, check, pair, forget, saved. What each does stands in a file of its own.
 */
import { type Command, InvalidArgumentError } from "commander";
import { socketOf } from "../protocol/config/admin-settings.ts";
import { TUNNEL_PORT } from "../protocol/config/schema.ts";
import {
  type HostPort,
  parseHostName,
  parseHostPort,
  printHostPort,
  UnitError,
} from "../protocol/config/units.ts";
import { EXIT, programNamed, runProgram, say } from "../protocol/daemon/cli.ts";
import { printFinding } from "../protocol/daemon/findings.ts";
import { askToReload } from "../protocol/daemon/reload.ts";
import { runDaemon } from "../protocol/daemon/run-daemon.ts";
import { addStatusCommand } from "../protocol/daemon/status-command.ts";
import { systemClock } from "../protocol/runtime/clock.ts";
import { Complaint } from "../protocol/runtime/user-error.ts";
import { type AloneWishes, aloneConfig, each } from "./command/alone.ts";
import { checkEdge } from "./command/check.ts";
import { askToForget } from "./command/forget.ts";
import { nextSteps, pair } from "./command/pair.ts";
import { readSavings, savingsJson, savingsText } from "./command/saved.ts";
import { type EdgeConfig, loadEdgeConfig } from "./config/edge-config.ts";
import { startEdge } from "./run/daemon.ts";

const PROGRAM = "coilgun-edge";
const CONFIG = ["-c, --config <file>", "the config file", "edge.yaml"] as const;

const edgeProgram = (): Command => {
  const program = programNamed(PROGRAM, "Serves visitors, and asks origin sides over a link that remembers.");

  program
    .command("run")
    .description("serve until SIGTERM or SIGINT; SIGHUP reads the config again")
    .option(...CONFIG)
    .action(({ config: file }: { config: string }) => run(() => loadEdgeConfig(file)));

  program
    .command("alone")
    .description(
      "serve a web server's pages without an origin side or a config file; SIGHUP reads the certificate again",
    )
    .requiredOption("--origin <url>", "the web server, such as http://127.0.0.1:3000")
    .option("--listen <host:port>", "where visitors are served", "0.0.0.0:8443")
    .option("--host <name>", "a host to serve, once for each; without it, those of the certificate", eachHost)
    .option("--certificate <file>", "PEM, the server's certificate first: visitors are served HTTPS")
    .option("--private-key <file>", "PEM, of that certificate")
    .option("--insecure", "allow http:// to another machine", false)
    .option("--trusted-proxy <network>", "whose X-Forwarded-* fields are believed, once for each", each, [])
    .option(
      "--admin <address>",
      "where it is asked about itself, such as 127.0.0.1:7480, once for each",
      each,
      [],
    )
    .option("--access-log <to>", "stdout, or a file")
    .action(({ host: hosts = [], trustedProxy: trustedProxies, ...rest }: AloneOptions) =>
      run(() => aloneConfig({ ...rest, hosts, trustedProxies })),
    );

  program
    .command("reload")
    .description("have the running daemon read its config again, and say what came of it")
    .option(...CONFIG)
    .action(async ({ config: file }: { config: string }) => {
      const admin = socketOf(loadEdgeConfig(file).admin);
      for (const line of await askToReload(admin, file, { program: PROGRAM })) say(line);
    });

  addStatusCommand(program, CONFIG, loadEdgeConfig);

  program
    .command("check")
    .description("read the config and try all that it names")
    .option(...CONFIG)
    .action(async ({ config: file }: { config: string }) => {
      const findings = await checkEdge(file, new Date(systemClock.today()));
      for (const finding of findings) say(printFinding(finding));
      if (findings.some(({ outcome }) => outcome === "problem")) process.exitCode = EXIT.failed;
    });

  program
    .command("pair")
    .description("make a key, and write edge.yaml and origin.yaml around it")
    .requiredOption("--host <name>", "a host that the key may serve; once for each", eachHost)
    .requiredOption(
      "--edge <host:port>",
      `where origin sides reach this edge; port ${TUNNEL_PORT} if not said`,
      edgeAddress,
    )
    .option(
      "--origin <url>",
      "the web server's address on the origin machine, such as http://127.0.0.1:3000",
      originUrl,
    )
    .option("--out <folder>", "where to write", ".")
    .option("--add-to <edge.yaml>", "add the key to this file in place of writing a new one")
    .option("--force", "replace files that exist", false)
    .action(
      (wishes: {
        host: string[];
        edge: HostPort;
        origin?: string;
        out: string;
        addTo?: string;
        force: boolean;
      }) => {
        const { host: hosts, origin, addTo, ...rest } = wishes;
        const all = { ...rest, hosts, origin, addTo };
        for (const line of nextSteps(pair(all), all)) say(line);
      },
    );

  program
    .command("forget")
    .description("erase remembered versions, here and at the origin sides")
    .requiredOption("--host <name>", "whose versions", read(parseHostName))
    .option("--url <path>", "only those of this path and query, as visitors ask for it", urlPath)
    .option(...CONFIG)
    .action(async ({ host, url, config: file }: { host: string; url?: string; config: string }) => {
      const admin = socketOf(loadEdgeConfig(file).admin);
      if (admin === undefined) {
        throw new Complaint(
          `${file} sets no admin socket; set admin, such as ./edge.sock, and restart coilgun-edge`,
        );
      }
      const forgotten = await askToForget(admin, { host, url });
      say(`${forgotten} version(s) of ${host}${url ?? ""} erased`);
    });

  program
    .command("saved")
    .description("say what an access log of this edge says was saved")
    .argument("<access.log...>", "files, packed ones (.gz) too; - is standard input")
    .option("--json", "the same as JSON, with stable names", false)
    .action(async (files: readonly string[], { json }: { json: boolean }) => {
      const savings = await readSavings(files, process.stdin);
      say(json ? savingsJson(savings) : savingsText(savings));
    });

  return program;
};

type AloneOptions = Omit<AloneWishes, "hosts" | "trustedProxies"> & {
  readonly host?: readonly string[];
  readonly trustedProxy: readonly string[];
};

const run = async (load: () => EdgeConfig): Promise<never> => {
  const code = await runDaemon({
    name: PROGRAM,
    load,
    start: (config, log) => startEdge(config, { log }),
    describe: ({ visitorsAddresses, tunnelAddress }, { tunnel }) => ({
      visitors: visitorsAddresses.map(printHostPort).join(" "),
      ...(tunnel && { tunnel: printHostPort(tunnelAddress) }),
    }),
  });
  // Whatever is still open has had its time: a stopped daemon does not linger.
  process.exit(code);
};

/** A reader whose UnitErrors become usage errors. */
const read =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw error instanceof UnitError ? new InvalidArgumentError(`It ${error.message}.`) : error;
    }
  };

const eachHost = (text: string, before: readonly string[] = []): readonly string[] => [
  ...new Set([...before, read(parseHostName)(text)]),
];

const edgeAddress = read((text) => parseHostPort(text, TUNNEL_PORT));

const originUrl = read((text) => {
  const [, authority] = /^http:\/\/([^/?#@]+)\/?$/.exec(text) ?? [];
  if (authority === undefined) throw new UnitError("must be http:// with host and port alone");
  return `http://${printHostPort(parseHostPort(authority, 80))}`;
});

const urlPath = read((text) => {
  if (!text.startsWith("/")) throw new UnitError("must begin with /, such as /news?page=2");
  return text;
});

await runProgram(edgeProgram(), process.argv.slice(2));
