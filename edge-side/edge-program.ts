/**
 * The command line of `coilgun-edge`: run, alone, reload, status, health, check, pair, forget, saved, config, settings,
 * completion. What each does stands in a file of its own.
 */
import { type Command, InvalidArgumentError } from "commander";
import { socketOf } from "../protocol/config/admin-settings.ts";
import { loadAdmin } from "../protocol/config/config-file.ts";
import { parseHostPattern } from "../protocol/config/host-pattern.ts";
import { TUNNEL_PORT } from "../protocol/config/schema.ts";
import {
  type HostPort,
  parseDialledAddress,
  parseHostName,
  printHostPort,
  UnitError,
} from "../protocol/config/units.ts";
import {
  configOption,
  EXIT,
  exampleOf,
  gathering,
  programNamed,
  say,
  sayLabelled,
} from "../protocol/daemon/cli.ts";
import { addCompletionCommand } from "../protocol/daemon/completion.ts";
import { addDoctorCommand } from "../protocol/daemon/doctor.ts";
import { endProcess } from "../protocol/daemon/end-process.ts";
import { checkEnd, checkPrivacy, FINDING_LABEL, printFinding } from "../protocol/daemon/findings.ts";
import { checkMemory, edgeMemory } from "../protocol/daemon/memory-bound.ts";
import { addReloadCommand } from "../protocol/daemon/reload.ts";
import { type DaemonToRun, runDaemon } from "../protocol/daemon/run-daemon.ts";
import { addSettingsCommand } from "../protocol/daemon/settings-command.ts";
import { addStatusCommand } from "../protocol/daemon/status-command.ts";
import { counted } from "../protocol/daemon/text-table.ts";
import { addConfigCommand } from "../protocol/fleet/config-command.ts";
import { startShared } from "../protocol/fleet/shared-config.ts";
import type { FleetConfig } from "../protocol/fleet/signed-config.ts";
import { systemClock } from "../protocol/runtime/clock.ts";
import { everyAddress } from "../protocol/runtime/ip-address.ts";
import { Complaint } from "../protocol/runtime/user-error.ts";
import { parseUpstreamAddress, printUpstreamAddress } from "../protocol/upstream/upstream-address.ts";
import { type AloneWishes, aloneConfig, each } from "./command/alone.ts";
import { checkEdge } from "./command/check.ts";
import { askToForget } from "./command/forget.ts";
import { nextSteps, pair } from "./command/pair.ts";
import { readSavings, savingsJson, savingsText } from "./command/saved.ts";
import { type EdgeConfig, edgeSettings } from "./config/edge-config.ts";
import { EDGE_FLEET, loadEdgeConfig } from "./config/load-edge-config.ts";
import { type EdgeDaemon, startEdge } from "./run/daemon.ts";

const PROGRAM = "coilgun-edge";
const CONFIG = configOption("edge.yaml");

export const edgeProgram = (): Command => {
  const program = programNamed(PROGRAM, "Serves visitors, and asks origin sides over a link that remembers.");

  program
    .command("run")
    .description("serve until SIGTERM or SIGINT; SIGHUP reads the config again")
    .addOption(CONFIG)
    .addHelpText("after", exampleOf(`${PROGRAM} run -c /etc/coilgun/edge.yaml`))
    .action(async ({ config: file }: { config: string }) => {
      const files: string[] = [];
      const load = (shared?: FleetConfig) => {
        files.splice(0, files.length, file);
        return loadEdgeConfig(file, files, shared);
      };
      await run(files, await startShared(file, EDGE_FLEET, { clock: systemClock, load }));
    });

  program
    .command("alone")
    .description(
      "serve a web server's pages without an origin side or a config file; SIGHUP reads the certificate again",
    )
    .requiredOption("--origin <url>", "the web server, such as http://127.0.0.1:3000")
    .option("--listen <host:port>", "where visitors are served", `${everyAddress()}:8443`)
    .option(
      "--host <name>",
      "a host to serve, or a pattern such as *.example.com; once for each; without it, those of the certificate",
      eachHost,
    )
    .option("--certificate <file>", "PEM, the server's certificate first: visitors are served HTTPS")
    .option("--private-key <file>", "PEM, of that certificate")
    .option("--insecure", "allow http:// to another machine", false)
    .option("--trusted-proxy <network>", "whose X-Forwarded-* fields are believed, once for each", each)
    .option(
      "--admin <address>",
      "where it is asked about itself, such as 127.0.0.1:7480, once for each",
      each,
    )
    .option("--access-log <to>", "stdout, or a path with a slash, such as ./access.log")
    .option(
      "--set <setting=value>",
      "another setting of edge.yaml, such as times.idle=30s, hosts.dictionaries=on or visitors.hsts=1y; once for each",
      each,
    )
    .addHelpText(
      "after",
      exampleOf(
        `${PROGRAM} alone --origin http://127.0.0.1:3000 \\`,
        "  --certificate site.pem --private-key site.key",
      ),
    )
    .action((options: AloneOptions) => {
      const {
        host: hosts = [],
        trustedProxy: trustedProxies = [],
        admin = [],
        set: settings = [],
        ...rest
      } = options;
      const files: string[] = [];
      return run(files, {
        load: () => {
          files.length = 0;
          return aloneConfig({ ...rest, hosts, trustedProxies, admin, settings }, files);
        },
      });
    });

  addReloadCommand(program, CONFIG, "/etc/coilgun/edge.yaml");
  addStatusCommand(program, CONFIG);
  addDoctorCommand(program, CONFIG, loadEdgeConfig, (file) => checkEdge(file, new Date(systemClock.today())));

  program
    .command("check")
    .description("read the config and try all that it names")
    .addOption(CONFIG)
    .addHelpText("after", exampleOf(`${PROGRAM} check`))
    .action(async ({ config: file }: { config: string }) => {
      const findings = await checkEdge(file, new Date(systemClock.today()));
      for (const finding of findings) sayLabelled(printFinding(finding), FINDING_LABEL);
      if (findings.some(({ outcome }) => outcome === "problem")) process.exitCode = EXIT.failed;
    });

  program
    .command("pair")
    .description("make a key, and write edge.yaml and origin.yaml around it")
    .requiredOption(
      "--host <name>",
      "a host that the key may serve, or a pattern such as *.example.com; once for each",
      eachHost,
    )
    .requiredOption(
      "--edge <host:port>",
      `where origin sides reach this edge; port ${TUNNEL_PORT} if not said`,
      edgeAddress,
    )
    .option(
      "--origin <[host=]address>",
      "the web server as a route names it (http://, https://, unix:), of all hosts or of one; once for each",
      eachOrigin,
    )
    .option("--out <folder>", "where to write", ".")
    .option("--add-to <edge.yaml>", "add the key to this file in place of writing a new one")
    .option("--force", "replace files that exist", false)
    .addHelpText(
      "after",
      exampleOf(
        `${PROGRAM} pair --host www.example.com --edge edge.example.com \\`,
        "  --origin http://127.0.0.1:3000",
      ),
    )
    .action(
      (wishes: {
        host: string[];
        edge: HostPort;
        origin?: ReadonlyMap<string, string>;
        out: string;
        addTo?: string;
        force: boolean;
      }) => {
        const { host: hosts, origin: origins, addTo, ...rest } = wishes;
        const other = [...(origins?.keys() ?? [])].find((host) => host !== "" && !hosts.includes(host));
        if (other !== undefined) throw new Complaint(`--origin names ${other}; add --host ${other}`);
        const all = { ...rest, hosts, origin: origins?.get(""), origins: origins ?? new Map(), addTo };
        for (const line of nextSteps(pair(all), all)) say(line);
      },
    );

  program
    .command("forget")
    .description("erase remembered versions, here and at the origin sides")
    .requiredOption("--host <name>", "whose versions", read(parseHostName))
    .option("--url <path>", "only those of this path and query, as visitors ask for it", urlPath)
    .addOption(CONFIG)
    .addHelpText("after", exampleOf(`${PROGRAM} forget --host www.example.com --url /news`))
    .action(async ({ host, url, config: file }: { host: string; url?: string; config: string }) => {
      // A file that names none may have it hidden by a mistake, which then is told.
      const admin = socketOf(loadAdmin(file)) ?? socketOf(loadEdgeConfig(file).admin);
      if (admin === undefined) {
        throw new Complaint(
          `${file} sets no admin socket; set admin, such as ./edge.sock, and restart coilgun-edge`,
        );
      }
      const forgotten = await askToForget(admin, { host, url });
      say(`${counted(forgotten, "version")} of ${host}${url ?? ""} erased`);
    });

  program
    .command("saved")
    .description("say what an access log of this edge says was saved")
    .argument("<access.log...>", "files, packed ones (.gz) too; - is standard input")
    .option("--json", "the same as JSON, with stable names", false)
    .addHelpText("after", exampleOf(`${PROGRAM} saved /var/log/coilgun/access.log*`))
    .action(async (files: readonly string[], { json }: { json: boolean }) => {
      const savings = await readSavings(files, process.stdin);
      say(json ? savingsJson(savings) : savingsText(savings));
    });

  addConfigCommand(program, CONFIG, EDGE_FLEET, (file, shared) => loadEdgeConfig(file, [], shared));
  addSettingsCommand(program, edgeSettings);
  addCompletionCommand(program);

  return program;
};

type AloneOptions = Omit<AloneWishes, "hosts" | "trustedProxies" | "admin" | "settings"> & {
  readonly host?: readonly string[];
  readonly trustedProxy?: readonly string[];
  readonly admin?: readonly string[];
  readonly set?: readonly string[];
};

/** `files`: what was read for the config that was loaded last. */
const run = async (
  files: readonly string[],
  source: Pick<DaemonToRun<EdgeConfig, EdgeDaemon>, "load" | "follow">,
): Promise<never> => {
  const code = await runDaemon<EdgeConfig, EdgeDaemon>({
    ...source,
    name: PROGRAM,
    doubts: (config) => [...checkEnd(files[0]), ...checkPrivacy(files), ...checkMemory(edgeMemory(config))],
    start: (config, log) => startEdge(config, { log }),
    describe: ({ visitorsAddresses, tunnelAddress }, { tunnel }) => ({
      visitors: visitorsAddresses.map(printHostPort).join(" "),
      ...(tunnel && { tunnel: printHostPort(tunnelAddress) }),
    }),
  });
  // Whatever is still open has had its time: a stopped daemon does not linger.
  return endProcess(code);
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

const eachHost = gathering((text: string, before: readonly string[] = []): readonly string[] => [
  ...new Set([...before, read(parseHostPattern)(text)]),
]);

const edgeAddress = read((text) => parseDialledAddress(text, TUNNEL_PORT));

/** By host; without one, under the empty name. */
const eachOrigin = gathering(
  (text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> =>
    read((written) => {
      const [, host, address = ""] = /^(?:([^=/]*)=)?(.*)$/.exec(written) ?? [];
      const of = host === undefined ? "" : parseHostName(host);
      if (before.has(of))
        throw new UnitError(`is the second one of ${of === "" ? "all hosts" : of}; each has one`);
      return new Map([...before, [of, printUpstreamAddress(parseUpstreamAddress(address))]]);
    })(text),
);

const urlPath = read((text) => {
  if (!text.startsWith("/")) throw new UnitError("must begin with /, such as /news?page=2");
  return text;
});
