/**
 * `coilgun-edge alone`: the edge in front of a web server by its command line alone, without a key, a link or a config file. Its flags are
 * settings of edge.yaml, read and checked as those. docs/alone.md.
 */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { stringify } from "yaml";
import { parseConfig, surroundingsOf } from "../../protocol/config/parse-config.ts";
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
  readonly dictionaries?: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly admin: readonly string[];
  readonly accessLog?: string | undefined;
}

/** What stands in messages in place of a file. */
const COMMAND_LINE = "(command line)";

const near = (alsoRead?: string[]) => surroundingsOf(join(process.cwd(), COMMAND_LINE), alsoRead);

/** Throws Complaint and ConfigError. Named files are relative to the working directory; their paths are put in `alsoRead`. */
export const aloneConfig = (wishes: AloneWishes, alsoRead?: string[]): EdgeConfig => {
  const { origin, insecure, certificate, privateKey, dictionaries, trustedProxies, admin } = wishes;
  const hosts = wishes.hosts.length > 0 ? wishes.hosts : hostsOf(certificate);
  const direct = insecure ? { origin, insecure } : origin;
  const settings = {
    visitors: {
      listen: wishes.listen,
      ...(certificate && { certificate }),
      ...(privateKey && { privateKey }),
    },
    hosts: hosts.map((host) => ({ host, direct, ...(dictionaries && { dictionaries }) })),
    trustedProxies,
    admin,
    ...(wishes.accessLog && { accessLog: wishes.accessLog }),
  };
  const schema = edgeSettings(near(alsoRead));
  return parseConfig({ file: COMMAND_LINE, text: stringify(settings), schema });
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
export const each = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
