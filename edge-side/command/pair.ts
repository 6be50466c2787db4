/**
 * `coilgun-edge pair`: makes a key and writes both sides' config files around it, short and commented, so that the two
 * daemons find each other once the web server's address is right; or adds the key to an edge.yaml that exists, keeping
 * its comments. The secret goes into these files, which only their owner may read, and nowhere else. SPEC section "Keys".
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isMap, isSeq, parseDocument, stringify } from "yaml";
import { readConfigText, surroundingsOf } from "../../protocol/config/config-file.ts";
import { ConfigError, parseConfig } from "../../protocol/config/parse-config.ts";
import { type HostPort, isLoopback, printHostPort } from "../../protocol/config/units.ts";
import {
  makePrivateFolder,
  replacePrivateFile,
  writeNewPrivateFile,
} from "../../protocol/daemon/private-file.ts";
import { listed } from "../../protocol/daemon/text-table.ts";
import { everyAddress } from "../../protocol/runtime/ip-address.ts";
import { Complaint } from "../../protocol/runtime/user-error.ts";
import { type LinkKey, makeLinkKey, secretText } from "../../protocol/transport/key.ts";
import { edgeSettings } from "../config/edge-config.ts";

export interface PairWishes {
  /** The hosts that the key may serve; at least one. */
  readonly hosts: readonly string[];
  /** Where the origin side reaches this edge. */
  readonly edge: HostPort;
  /** The web server's address as the origin side will see it, as in a route; undefined: to be filled in. */
  readonly origin: string | undefined;
  /** By host, where one has another web server. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Folder for the new files. */
  readonly out: string;
  /** Replace files that exist. */
  readonly force: boolean;
  /** An edge.yaml that gets the key, in place of a new one. */
  readonly addTo: string | undefined;
  /** The host of the addresses that a new edge.yaml listens at; every address of this machine when left out. */
  readonly listenAt?: string;
}

export interface Paired {
  readonly keyId: string;
  readonly edgeFile: string;
  readonly originFile: string;
}

/** Random bytes; an argument for tests. */
export type Chance = (bytes: number) => Uint8Array;

/** Where a web server is taken to be until someone says otherwise. @internal */
export const GUESSED_ORIGIN = "http://127.0.0.1:3000";

/** Writes the files, or none of them. Throws Complaint and ConfigError. */
export const pair = (wishes: PairWishes, chance: Chance = randomBytes): Paired => {
  const edgeFile = wishes.addTo ?? join(wishes.out, "edge.yaml");
  const originFile = join(wishes.out, "origin.yaml");
  refuseExisting(wishes.addTo === undefined ? [edgeFile, originFile] : [originFile], wishes.force);

  const key = makeLinkKey(newKeyId(chance), chance);
  const edgeText =
    wishes.addTo === undefined ? newEdgeText(key, wishes) : addedEdgeText(wishes.addTo, key, wishes.hosts);
  makePrivateFolder(wishes.out);
  write(edgeFile, edgeText, wishes.force || wishes.addTo !== undefined);
  write(originFile, newOriginText(key, wishes), wishes.force);
  return { keyId: key.id, edgeFile, originFile };
};

const refuseExisting = (files: readonly string[], force: boolean): void => {
  const existing = files.filter((file) => existsSync(file));
  if (force || existing.length === 0) return;
  throw new Complaint(
    `already there: ${listed(existing)}; name another folder with --out, add a key to an edge.yaml with --add-to, or replace what is there with --force`,
  );
};

const write = (file: string, text: string, replace: boolean): void =>
  replace ? replacePrivateFile(file, text) : writeNewPrivateFile(file, text);

const ID_BYTES = 6;

/** `key-0f3a9c1b5d7e`: it crosses the network in clear when a link is dialled, so it says nothing of the hosts. */
const newKeyId = (chance: Chance): string => `key-${Buffer.from(chance(ID_BYTES)).toString("hex")}`;

/** An edge.yaml's text with one key more. Throws ConfigError when it is not valid, before or after. */
const addedEdgeText = (file: string, key: LinkKey, hosts: readonly string[]): string => {
  const before = readConfigText(file, "--add-to names an edge.yaml that there is; without it, one is made");
  const check = (text: string) => parseConfig({ file, text, schema: edgeSettings(surroundingsOf(file)) });
  check(before);
  const document = parseDocument(before);
  const keys = document.get("keys", true);
  // A list behind an alias or in braces would be written back in a form that its owner did not choose.
  if (!isMap(document.contents) || !isSeq(keys)) {
    throw new ConfigError([
      { file, line: 1, column: 1, message: "keys is not a plain list; add the key by hand" },
    ]);
  }
  keys.add(document.createNode({ id: key.id, secret: secretText(key.secret), hosts }));
  // lineWidth 0: long lines and comments stay as they are.
  const text = document.toString({ lineWidth: 0 });
  check(text);
  return text;
};

const tunnelText = (edge: HostPort, listenAt: string): string => {
  const what = "# Where origin sides dial in, in TLS 1.3 with a key from below.";
  return isLoopback(edge.host)
    ? `${what}\ntunnel: ${value(printHostPort(edge))}`
    : `${what} The firewall must let them through.\ntunnel: ${value(`${listenAt}:${edge.port}`)}`;
};

/** A value as YAML writes it: in quotes only where it must be. */
const value = (text: string): string => stringify(text).trimEnd();

const newEdgeText = (key: LinkKey, { hosts, edge, listenAt = everyAddress() }: PairWishes): string => `\
# coilgun-edge serves visitors and asks the origin side over the link. Written by \`coilgun-edge pair\`.
# This file holds a secret: keep it readable by its owner alone.
#   coilgun-edge check --config edge.yaml     tries everything that is named here
#   coilgun-edge run --config edge.yaml       serves; SIGHUP reads this file again

# Where visitors are served, in plain HTTP: at every address of this machine, IPv4 and IPv6 as it has them. With nginx or another server in front on this machine: 127.0.0.1:8080.
visitors: ${value(`${listenAt}:8080`)}

${tunnelText(edge, listenAt)}

# Who may serve which hosts. For one more: coilgun-edge pair --add-to edge.yaml --host ... --edge ... --out ...
keys:
  - id: ${value(key.id)}
    secret: ${secretText(key.secret)}
    hosts:
${hosts.map((host) => `      - ${value(host)}\n`).join("")}
# Where the running daemon is asked about itself: a unix socket beside this file for commands (\`coilgun-edge status\`), and
# an address of this machine alone: http://127.0.0.1:7480/ is a page, /metrics is for Prometheus, /ready for a supervisor.
admin:
  - ./edge.sock
  - 127.0.0.1:7480

# Versions of pages outlive a restart where both sides keep them in a file too:
#   store: { file: ./edge-versions }
#
# What else can be set, with its default:
#
# store:
#   size: 256 MiB         # versions of pages, the base of every saving
#
# memory:
#   budget: 128 MiB       # for everything that is not the store
#
# trustedProxies: []      # whose X-Forwarded-* fields are believed, such as [127.0.0.1, 10.0.0.0/8]
#
# accessLog: off          # or stdout, or a path: one JSON line for each exchange
`;

const newOriginText = (key: LinkKey, { hosts, edge, origin, origins }: PairWishes): string => `\
# coilgun-origin runs beside the web server and dials the edge. Written by \`coilgun-edge pair\`.
# This file holds a secret: move it to the origin machine, and keep it readable by its owner alone.
#   coilgun-origin check --config origin.yaml     tries everything that is named here
#   coilgun-origin run --config origin.yaml       serves; SIGHUP reads this file again

# The edge, and the key that both sides share.
edges:
  - address: ${value(printHostPort(edge))}
    key:
      id: ${value(key.id)}
      secret: ${secretText(key.secret)}

# The web server that has each host's pages, as this machine reaches it.${
  origin === undefined && !hosts.every((host) => origins?.has(host))
    ? "\n# FILL IN: your web server's address; the one here is a guess."
    : ""
}
routes:
${hosts.map((host) => `  - host: ${value(host)}\n    origin: ${value(origins?.get(host) ?? origin ?? GUESSED_ORIGIN)}\n`).join("")}
# Where the running daemon is asked about itself: a unix socket beside this file for commands (\`coilgun-origin status\`), and
# an address of this machine alone: http://127.0.0.1:7481/ is a page, /metrics is for Prometheus, /ready for a supervisor.
admin:
  - ./origin.sock
  - 127.0.0.1:7481

# Versions of pages outlive a restart where both sides keep them in a file too:
#   store: { file: ./origin-versions }
#
# What else can be set, with its default:
#
# store:
#   size: 256 MiB         # versions of pages, the base of every saving
#
# memory:
#   budget: 128 MiB       # for everything that is not the store
`;

/** What is left to do, for the person who ran the command; without the secret. */
export const nextSteps = (paired: Paired, wishes: PairWishes): readonly string[] => {
  const { keyId, edgeFile, originFile } = paired;
  const { addTo } = wishes;
  const steps = isLoopback(wishes.edge.host) ? stepsHere(paired, wishes) : stepsOnTwo(paired, wishes);
  return [
    addTo === undefined
      ? `wrote ${edgeFile} and ${originFile}`
      : `added a key to ${edgeFile}, wrote ${originFile}`,
    `the key's id is ${keyId}; its secret is in these two files only`,
    "",
    "next:",
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
  ];
};

/** Both sides on this machine. */
const stepsHere = ({ edgeFile, originFile }: Paired, wishes: PairWishes): readonly string[] => [
  webServerStep(wishes) ?? `in ${originFile}, set each route's origin to the web server's address`,
  edgeCommands(edgeFile, wishes),
  `in another terminal: ${originCommands(originFile)}`,
];

const stepsOnTwo = ({ edgeFile, originFile }: Paired, wishes: PairWishes): readonly string[] => [
  `move ${originFile} to the origin machine (it holds the secret: scp, not mail), and delete it here`,
  `there, ${webServerStep(wishes) ?? "set each route's origin to the web server's address"}`,
  `let TCP to ${printHostPort(wishes.edge)} through the firewall`,
  `here:  ${edgeCommands(edgeFile, wishes)}`,
  `there: ${originCommands("origin.yaml")}`,
];

/** Undefined where not every host's web server was said. */
const webServerStep = ({ hosts, origin, origins }: PairWishes): string | undefined => {
  if (origin === undefined && !hosts.every((host) => origins?.has(host))) return undefined;
  const servers = new Set([...(origins?.values() ?? []), ...(origin === undefined ? [] : [origin])]);
  return `see that the web server answers at ${listed([...servers])}`;
};

const edgeCommands = (file: string, { addTo }: PairWishes): string =>
  `coilgun-edge check --config ${file} && coilgun-edge ${addTo === undefined ? "run" : "reload"} --config ${file}`;

const originCommands = (file: string): string =>
  `coilgun-origin check --config ${file} && coilgun-origin run --config ${file}`;
