/**
 * `coilgun-edge alone`: the edge in front of a web server by its command line alone, without a key, a link or a config file. Its flags are
 * settings of edge.yaml, read and checked as those. docs/alone.md.
 */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { surroundingsOf } from "../../protocol/config/config-file.ts";
import { ConfigError, type ConfigProblem, parseConfig } from "../../protocol/config/parse-config.ts";
import { gathering } from "../../protocol/daemon/cli.ts";
import { Complaint, codeOf } from "../../protocol/runtime/user-error.ts";
import { type EdgeConfig, edgeSettings } from "../config/edge-config.ts";

export interface AloneWishes {
  /** `http://host:port` or `https://…`, of the web server. */
  readonly origin: string;
  readonly listen: string;
  /** Served hosts; those of the certificate when empty. */
  readonly hosts: readonly string[];
  readonly certificate?: string | undefined;
  readonly privateKey?: string | undefined;
  /** See the settings of these names. */
  readonly insecure: boolean;
  readonly trustedProxies: readonly string[];
  readonly admin: readonly string[];
  readonly accessLog?: string | undefined;
  /**
   * Other settings of edge.yaml, as `times.idle=30s`; those that begin with `hosts.` or `visitors.` are of each host
   * and of the listener.
   */
  readonly settings: readonly string[];
}

/** What stands in messages in place of a file. */
const COMMAND_LINE = "(command line)";

const near = (alsoRead?: string[]) => surroundingsOf(join(process.cwd(), COMMAND_LINE), alsoRead);

/** Throws Complaint and ConfigError. Named files are relative to the working directory; their paths are put in `alsoRead`. */
export const aloneConfig = (wishes: AloneWishes, alsoRead?: string[]): EdgeConfig => {
  const { origin, insecure, certificate, privateKey, trustedProxies, admin } = wishes;
  const hosts = wishes.hosts.length > 0 ? wishes.hosts : hostsOf(certificate);
  const direct = { origin, insecure };
  const settings = {
    visitors: {
      listen: wishes.listen,
      ...(certificate && { certificate }),
      ...(privateKey && { privateKey }),
    },
    hosts: hosts.map((host) => ({ host, direct: { ...direct } })),
    trustedProxies,
    admin,
    ...(wishes.accessLog && { accessLog: wishes.accessLog }),
  };
  for (const setting of wishes.settings) put(settings, setting);
  const schema = edgeSettings(near(alsoRead));
  try {
    return parseConfig({ file: COMMAND_LINE, text: stringify(settings), schema });
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(ofOptions(error.problems)) : error;
  }
};

/** What begins a problem, and the option by which it was written. */
const OPTIONS: readonly (readonly [RegExp, string])[] = [
  [/^hosts\[\d+\]\.direct\.origin /, "--origin"],
  [/^hosts\[\d+\]\.host /, "--host"],
  [/^visitors\.listen /, "--listen"],
  [/^visitors\.certificate /, "--certificate"],
  [/^visitors\.privateKey /, "--private-key"],
  [/^visitors (?=has only one)/, "--certificate"],
  [/^trustedProxies\[\d+\] /, "--trusted-proxy"],
  [/^admin\[\d+\](?:\.listen)? /, "--admin"],
  [/^accessLog(?:\.file)? /, "--access-log"],
];

/** Each once, by its option: what is wrong of all hosts is told of one, and nobody sees the lines of a file. */
const ofOptions = (problems: readonly ConfigProblem[]): readonly ConfigProblem[] => {
  const said = problems.map(({ message }) => {
    const [begins, option] = OPTIONS.find(([each]) => each.test(message)) ?? [/^/, "--set"];
    const rest = message.replace(begins, "");
    return {
      file: option,
      line: 0,
      column: 0,
      message: (option === "--set" ? rest.replace(/\[\d+\]/g, "") : rest)
        .replace("set insecure: true", "add --insecure")
        .replace("certificate and privateKey; name both", "--certificate and --private-key; name both"),
    };
  });
  return said.filter(
    (each, at) =>
      said.findIndex(({ file, message }) => file === each.file && message === each.message) === at,
  );
};

type Block = Record<string, unknown>;

const isBlock = (value: unknown): value is Block =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Puts `a.b=value`, a value as YAML has it, into a block, and into each of a list of blocks. What it may be, the schema says. */
const put = (settings: Block, written: string): void => {
  const [, path, value = ""] = /^([\w.-]+)=(.*)$/s.exec(written) ?? [];
  if (path === undefined) throw new Complaint(`--set ${written}: write it as --set times.idle=30s`);
  const names = path.split(".");
  const last = names.pop() ?? "";
  const blocks = names.reduce<readonly Block[]>((above, name) => above.flatMap(belowOf(name)), [settings]);
  if (blocks.length === 0) throw new Complaint(`--set ${written}: ${names.join(".")} is no block`);
  for (const block of blocks) block[last] = yamlOf(written, value);
};

const belowOf =
  (name: string) =>
  (block: Block): readonly Block[] => {
    if (!Object.hasOwn(block, name)) block[name] = {};
    const below = block[name];
    return (Array.isArray(below) ? below : [below]).filter(isBlock);
  };

const yamlOf = (written: string, value: string): unknown => {
  try {
    return parse(value);
  } catch (error) {
    throw new Complaint(`--set ${written}: the value cannot be read as YAML; quote it`, { cause: error });
  }
};

const hostsOf = (certificate: string | undefined): readonly string[] => {
  if (certificate === undefined)
    throw new Complaint("no host is named: add --host, once for each name that visitors ask for");
  const names = namesIn(certificate);
  if (names.length === 0)
    throw new Complaint(`${certificate} names no host without a wildcard: add --host for each to serve`);
  return names;
};

const namesIn = (certificate: string): readonly string[] => {
  try {
    const { read, pathOf } = near();
    const said = new X509Certificate(read(pathOf(certificate))).subjectAltName ?? "";
    return said.split(/,\s*/).flatMap((each) => /^(?:DNS|IP Address):([^*"]+)$/.exec(each)?.[1] ?? []);
  } catch (error) {
    throw new Complaint(`${certificate} cannot be read as a certificate in PEM (${codeOf(error)})`, {
      cause: error,
    });
  }
};

/** For flags that may be given several times. */
export const each = gathering((text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
]);
