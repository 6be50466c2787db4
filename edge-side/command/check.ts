/**
 * `coilgun-edge check`: reads the config and tries what it names, as the daemon would, without becoming it: ports are
 * taken and let go, files read, certificates compared. Each finding says what to do; nothing here waits without end.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import { isDaemonAt } from "../../protocol/admin/ask-daemon.ts";
import { socketOf } from "../../protocol/config/admin-settings.ts";
import { loadConfig } from "../../protocol/config/parse-config.ts";
import { printHostPort } from "../../protocol/config/units.ts";
import {
  checkFree,
  checkPrivacy,
  type Finding,
  ok,
  problem,
  warning,
} from "../../protocol/daemon/findings.ts";
import { edgeMemory, printMemory } from "../../protocol/daemon/memory-bound.ts";
import { inNetworks, isLoopback } from "../../protocol/runtime/ip-address.ts";
import { codeOf } from "../../protocol/runtime/user-error.ts";
import { type EdgeConfig, edgeSettings } from "../config/edge-config.ts";
import type { VisitorTls } from "../config/listener-config.ts";
import { LIST_THE_PROXY } from "../config/trusted-proxies.ts";
import type { TunnelListen } from "../config/tunnel-config.ts";

/** A certificate that ends sooner than this is worth a warning. */
const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/** Throws ConfigError when the config itself is not valid. `today` is what certificates are held against. */
export const checkEdge = async (file: string, today: Date): Promise<readonly Finding[]> => {
  const files = [file];
  const config = loadConfig(file, edgeSettings, files);
  const hosts = config.keys.flatMap((each) => each.hosts).length + config.hosts.length;
  return [
    ok(`${file} is valid: ${config.keys.length} key(s), ${hosts} host(s)`),
    ...checkPrivacy(files),
    ...(await checkPorts(config)),
    ...(config.tunnel === undefined ? [] : checkTunnel(config.tunnel, today)),
    ...config.visitors.flatMap(({ tls }, i) =>
      tls === undefined
        ? []
        : checkCertificate(config.visitors.length > 1 ? `visitors[${i}]` : "visitors", tls, today),
    ),
    ...checkProxies(config),
    ...checkPlaces(config),
    ok(printMemory(edgeMemory(config))),
  ];
};

/** Whoever asks on loopback is a proxy on this machine. */
const checkProxies = ({ visitors, trustedProxies }: EdgeConfig): readonly Finding[] => {
  const trusts = inNetworks(trustedProxies);
  const unlisted = visitors.find(
    ({ listen: { host } }) => isIP(host) !== 0 && isLoopback(host) && !trusts(host),
  );
  if (unlisted === undefined) return [];
  const { host } = unlisted.listen;
  return [
    warning(
      `visitors come through a proxy at ${host} that is not trusted (proxy-not-trusted)`,
      LIST_THE_PROXY,
    ),
  ];
};

const checkPorts = async (config: EdgeConfig): Promise<readonly Finding[]> => {
  const several = config.visitors.length > 1;
  const listens = [
    ...config.visitors.map(({ listen, reusePort }, i) => ({
      setting: several ? `visitors[${i}]` : "visitors",
      listen,
      reusePort,
    })),
    ...(config.tunnel === undefined
      ? []
      : [{ setting: "tunnel", listen: config.tunnel.listen, reusePort: false }]),
    ...config.admin.flatMap((each) =>
      "path" in each ? [] : [{ setting: "admin", listen: each.address, reusePort: false }],
    ),
  ];
  // Its own ports are taken by the daemon that runs; that is no problem of the config.
  const socket = socketOf(config.admin);
  if (socket !== undefined && (await isDaemonAt(socket))) {
    const places = listens.map(({ listen }) => printHostPort(listen)).join(" and ");
    return [ok(`coilgun-edge is running; ${places} were not tried`)];
  }
  return Promise.all(
    listens.map(({ setting, listen, reusePort }) => checkFree(setting, listen, { reusePort })),
  );
};

const checkTunnel = (tunnel: TunnelListen, today: Date): readonly Finding[] => {
  if (tunnel.mode !== "certificate") return [];
  const findings = checkCertificate("tunnel", tunnel, today);
  if (tunnel.clientAuthorities !== undefined)
    readCertificate("tunnel.clientAuthorities", tunnel.clientAuthorities, findings);
  return findings;
};

const checkCertificate = (
  setting: string,
  { certificate, privateKey }: VisitorTls,
  today: Date,
): Finding[] => {
  const findings: Finding[] = [];
  const shown = readCertificate(`${setting}.certificate`, certificate, findings);
  if (shown !== undefined)
    findings.push(checkDates(`${setting}.certificate`, certificate.path, shown, today));
  try {
    const key = createPrivateKey(privateKey.bytes);
    if (shown !== undefined && !shown.checkPrivateKey(key)) {
      findings.push(
        problem(
          `${setting}.privateKey: ${privateKey.path} does not belong to the certificate`,
          "name the key that the certificate was made with",
        ),
      );
    }
  } catch {
    findings.push(
      problem(
        `${setting}.privateKey: ${privateKey.path} holds no private key that can be read`,
        "it must be PEM and have no passphrase",
      ),
    );
  }
  return findings;
};

const readCertificate = (
  setting: string,
  file: { readonly path: string; readonly bytes: Buffer },
  findings: Finding[],
): X509Certificate | undefined => {
  try {
    return new X509Certificate(file.bytes);
  } catch {
    findings.push(problem(`${setting}: ${file.path} does not begin with a certificate`, "it must be PEM"));
    return undefined;
  }
};

const checkDates = (setting: string, path: string, certificate: X509Certificate, today: Date): Finding => {
  const { validFromDate: from, validToDate: to } = certificate;
  const until = to.toISOString().slice(0, 10);
  if (today < from) {
    return problem(
      `${setting}: ${path} is valid only from ${from.toISOString()}`,
      "check this machine's clock",
    );
  }
  if (today > to) return problem(`${setting}: ${path} ended on ${until}`, "renew it");
  const daysLeft = (to.getTime() - today.getTime()) / DAY_MS;
  return daysLeft < SOON_DAYS
    ? warning(`${setting}: ${path} ends on ${until}`, "renew it, then send SIGHUP to the daemon")
    : ok(`${setting}: ${path} is valid until ${until}`);
};

/** Whether the folders can be written in which the daemon makes files. */
const checkPlaces = ({ accessLog, admin }: EdgeConfig): readonly Finding[] => [
  ...(accessLog.to === "file" ? [checkFolder("accessLog", accessLog.path)] : []),
  ...admin.flatMap((each) => ("path" in each ? [checkFolder("admin", each.path)] : [])),
];

const checkFolder = (setting: string, path: string): Finding => {
  try {
    accessSync(dirname(path), constants.W_OK);
    return ok(`${setting}: ${dirname(path)} can be written`);
  } catch (error) {
    const advice = "make the folder, change its owner, or set another path";
    return problem(`${setting}: this user may not write in ${dirname(path)} (${codeOf(error)})`, advice);
  }
};
