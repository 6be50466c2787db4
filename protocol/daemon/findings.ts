/**
 * What `check` found, one line each: fine, worth a thought, or a problem, and for the latter two what to do. Shared by
 * both daemons' checks.
 */
import { lookup } from "node:dns/promises";
import { accessSync, constants, readFileSync, statfsSync, statSync } from "node:fs";
import { createServer, isIP } from "node:net";
import { dirname } from "node:path";
import { isDaemonAt } from "../admin/ask-daemon.ts";
import type { AccessLogSettings } from "../config/access-log-settings.ts";
import { type AdminListen, socketOf } from "../config/admin-settings.ts";
import { type HostPort, printHostPort } from "../config/units.ts";
import type { Clock } from "../runtime/clock.ts";
import { withoutSecrets } from "../runtime/redact.ts";
import { Complaint, codeOf } from "../runtime/user-error.ts";
import { isOpenToOthers } from "./private-file.ts";
import { listed, wholeNumber } from "./text-table.ts";

export type Finding =
  | { readonly outcome: "ok"; readonly what: string }
  | { readonly outcome: "warning" | "problem"; readonly what: string; readonly advice: string };

export const ok = (what: string): Finding => ({ outcome: "ok", what });
export const warning = (what: string, advice: string): Finding => ({ outcome: "warning", what, advice });
export const problem = (what: string, advice: string): Finding => ({ outcome: "problem", what, advice });

/** Before what a finding says, on each of its lines. */
export const FINDING_LABEL = 9;

/** `ok       visitors: 0.0.0.0:8080 is free`; advice follows on a line of its own. */
export const printFinding = (finding: Finding): string => {
  const line = `${finding.outcome.padEnd(8)} ${finding.what}`;
  return withoutSecrets(finding.outcome === "ok" ? line : `${line}\n         ${finding.advice}`);
};

/** Why an address cannot be listened at, and what to do. */
const whyNotFree = (code: string, address: HostPort): { readonly what: string; readonly advice: string } => {
  switch (code) {
    case "EADDRINUSE":
      return { what: "is in use", advice: "stop the program that listens there, or set another address" };
    case "EACCES":
      return {
        what: "may not be used by this user",
        advice:
          address.port < 1024
            ? "take a port from 1024 on, or give the service the capability CAP_NET_BIND_SERVICE"
            : "run as a user that may, or set another address",
      };
    case "EAFNOSUPPORT":
    case "EADDRNOTAVAIL":
      if (address.host === "::")
        return { what: "needs IPv6, which this machine has not", advice: "set 0.0.0.0 in place of [::]" };
      return {
        what: "is no address of this machine",
        advice: "set one that is, or 0.0.0.0 (or [::]) for all of them",
      };
    case "ENOTSUP":
      return { what: "cannot be shared on this system", advice: "leave out reusePort" };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { what: "has a host name that does not resolve", advice: "write the address itself" };
    default:
      return { what: `cannot be listened at (${code})`, advice: "set another address" };
  }
};

/** What Node says of a place at which it could not listen. */
interface Failed {
  readonly port: number;
  readonly address: string;
  readonly hostname: string;
}

/** A failed start's error with the setting whose address could not be had; any other error as it is. */
export const whyNotListening = (error: unknown, settings: Readonly<Record<string, HostPort>>): unknown => {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const { syscall, port, address: at, hostname } = error as NodeJS.ErrnoException & Partial<Failed>;
  const places = Object.entries(settings).filter(([, each]) =>
    syscall === "getaddrinfo" ? each.host === hostname : syscall === "listen" && each.port === port,
  );
  const [setting, address] = places.find(([, { host }]) => host === at) ?? places[0] ?? [];
  if (setting === undefined || address === undefined) return error;
  const why = whyNotFree(codeOf(error), address);
  return new Complaint(`${setting}: ${printHostPort(address)} ${why.what}; ${why.advice}`, { cause: error });
};

/** Listens at the address, as one of several with `reusePort`, and lets go of it again. @internal */
export const checkFree = async (
  setting: string,
  address: HostPort,
  { reusePort = false }: { readonly reusePort?: boolean | undefined } = {},
): Promise<Finding> => {
  const name = `${setting}: ${printHostPort(address)}`;
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<Finding>();
  server.once("error", (error) => {
    const why = whyNotFree(codeOf(error), address);
    resolve(problem(`${name} ${why.what}`, why.advice));
  });
  server.listen({ ...address, reusePort }, () => server.close(() => resolve(ok(`${name} is free`))));
  return promise;
};

/** Where a daemon listens, and the setting that says so. */
export interface Listening {
  readonly setting: string;
  readonly listen: HostPort;
  readonly reusePort?: boolean | undefined;
}

/**
 * Whether `program` can listen at each of `places` and at the addresses of `admin`. Those of a daemon that runs are
 * taken by it, and not tried.
 */
export const checkPorts = async (
  program: string,
  admin: readonly AdminListen[],
  places: readonly Listening[] = [],
): Promise<readonly Finding[]> => {
  const all: readonly Listening[] = [
    ...places,
    ...admin.flatMap((each) => ("path" in each ? [] : [{ setting: "admin", listen: each.address }])),
  ];
  if (all.length === 0) return [];
  const socket = socketOf(admin);
  if (socket !== undefined && (await isDaemonAt(socket))) {
    const addresses = listed(all.map(({ listen }) => printHostPort(listen)));
    return [ok(`${program} is running; ${addresses} ${all.length === 1 ? "was" : "were"} not tried`)];
  }
  return Promise.all(all.map(({ setting, listen, reusePort }) => checkFree(setting, listen, { reusePort })));
};

/** What a file looks like that others should not read: a link key's secret, or a private key in PEM. */
const HOLDS_A_SECRET = /cgk\d+_|-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Whether those of the files that hold a secret are closed to other users. Files that cannot be read are left out. */
export const checkPrivacy = (paths: readonly string[]): readonly Finding[] =>
  [...new Set(paths)]
    // What a systemd unit loads is in a folder of its service's own, whatever the mode says.
    .filter((path) => !path.startsWith(`${process.env.CREDENTIALS_DIRECTORY ?? "\0"}/`))
    .filter((path) => HOLDS_A_SECRET.test(readFileSync(path, "latin1")))
    .map((path) =>
      isOpenToOthers(path)
        ? warning(`${path} holds a secret and is open to other users`, `close it: chmod 600 ${path}`)
        : ok(`${path} holds a secret and is closed to other users`),
    );

/** A bracket ends a file as well: one that was cut short before it cannot be read. */
const WHOLE_ENDS: ReadonlySet<number | undefined> = new Set([..."\n}]"].map((each) => each.charCodeAt(0)));

/** Whether the config file ends as one does that was written whole. Nothing of one that is not there. */
export const checkEnd = (path: string | undefined): readonly Finding[] =>
  path === undefined || WHOLE_ENDS.has(readFileSync(path).at(-1))
    ? []
    : [
        warning(
          `${path} ends within a line, as a file does that was cut short, by a full disk say`,
          "look at its end; if it is whole, end its last line",
        ),
      ];

/** Nothing where the host is an address; else whether its name resolves within `ms`. */
export const checkName = async (
  setting: string,
  host: string,
  options: { readonly clock: Clock; readonly withinMs: number },
): Promise<Finding | undefined> => {
  if (isIP(host) !== 0) return undefined;
  try {
    const found = await options.clock.within(options.withinMs, undefined, (signal) =>
      orAbort(lookup(host), signal),
    );
    return ok(`${setting}: ${host} is at ${found.address}`);
  } catch (error) {
    const advice = "check the spelling, and this machine's name servers";
    return problem(`${setting}: ${host} does not resolve (${codeOf(error)})`, advice);
  }
};

/** For what cannot be aborted: its outcome, unless the signal fires first; what comes later goes unnoticed. */
const orAbort = <T>(outcome: Promise<T>, signal: AbortSignal): Promise<T> => {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  outcome.then(resolve, reject);
  return promise;
};

/** Whether the access log, and the sockets where the daemon is asked about itself, can be made. */
export const checkPlaces = ({
  accessLog,
  admin,
}: {
  readonly accessLog: AccessLogSettings;
  readonly admin: readonly AdminListen[];
}): readonly Finding[] => [
  ...(accessLog.target.to === "file" ? [checkLog(accessLog.target.path)] : []),
  ...admin.flatMap((each) => ("path" in each ? [checkSocket(each.path)] : [])),
];

const kindOf = (path: string) => statSync(path, { throwIfNoEntry: false });

const checkLog = (path: string): Finding =>
  kindOf(path)?.isDirectory()
    ? problem(`accessLog: ${path} is a folder`, "name a file in it")
    : checkFolder("accessLog", path);

const checkSocket = (path: string): Finding => {
  const found = kindOf(path);
  return found === undefined || found.isSocket()
    ? checkFolder("admin", path)
    : problem(`admin: ${path} is not a socket`, "remove it, or set another path");
};

/** Whether a file of this path can be made. */
export const checkFolder = (setting: string, path: string): Finding => {
  try {
    accessSync(dirname(path), constants.W_OK);
    return ok(`${setting}: ${dirname(path)} can be written`);
  } catch (error) {
    const folder = dirname(path);
    return codeOf(error) === "ENOENT"
      ? problem(`${setting}: there is no folder ${folder}`, "make it, or set another path")
      : problem(
          `${setting}: this user may not write in ${folder} (${codeOf(error)})`,
          "change its owner, or set another path",
        );
  }
};

/** Nothing where the disk has room for a file that may grow to `mostBytes`, of which it may have some already. */
export const checkRoom = (setting: string, path: string, mostBytes: number): readonly Finding[] => {
  const folder = dirname(path);
  if (kindOf(folder) === undefined) return [];
  const { bavail, bsize } = statfsSync(folder);
  const leftBytes = bavail * bsize + (kindOf(path)?.size ?? 0);
  if (leftBytes >= mostBytes) return [];
  return [
    warning(
      `${setting} may take ${mebibytes(mostBytes)}, and the disk of ${folder} has room for ${mebibytes(leftBytes)}`,
      "less of it, or a larger disk: nothing more is put into the file once the disk is full, nor is any log written there",
    ),
  ];
};

const mebibytes = (bytes: number): string => `${wholeNumber(Math.floor(bytes / 2 ** 20))} MiB`;
