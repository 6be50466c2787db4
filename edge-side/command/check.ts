/**
 * `coilgun-edge check`: reads the config and tries what it names, as the daemon would, without becoming it: ports are
 * taken and let go, files read, dates of certificates looked at. Each finding says what to do; nothing here waits without end.
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { NamedFile } from "../../protocol/config/schema.ts";
import { isLoopback } from "../../protocol/config/units.ts";
import {
  checkEnd,
  checkPlaces,
  checkPorts,
  checkPrivacy,
  type Finding,
  type Listening,
  ok,
  problem,
  warning,
} from "../../protocol/daemon/findings.ts";
import { checkMemory, edgeMemory } from "../../protocol/daemon/memory-bound.ts";
import { counted } from "../../protocol/daemon/text-table.ts";
import { checkSharedConfig } from "../../protocol/fleet/check-shared-config.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { inNetworks } from "../../protocol/runtime/ip-address.ts";
import { checkStore } from "../../protocol/tier/open/check-store.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import { EDGE_FLEET, loadEdgeConfig } from "../config/load-edge-config.ts";
import { LIST_THE_PROXY } from "../config/trusted-proxies.ts";
import type { TunnelListen } from "../config/tunnel-config.ts";

/** A certificate that ends sooner than this is worth a warning. */
const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/** Throws ConfigError when the config itself is not valid. `today` is what certificates are held against. */
export const checkEdge = async (file: string, today: Date): Promise<readonly Finding[]> => {
  const files = [file];
  const { findings, isComplete, shared } = await checkSharedConfig(file, EDGE_FLEET, { clock: systemClock });
  if (!isComplete) return findings;
  const config = loadEdgeConfig(file, files, shared);
  const hosts = config.keys.flatMap((each) => each.hosts).length + config.hosts.length;
  return [
    ok(`${file} is valid: ${counted(config.keys.length, "key")}, ${counted(hosts, "host")}`),
    ...findings,
    ...checkEnd(file),
    ...checkPrivacy(files),
    ...(await checkPorts("coilgun-edge", config.admin, placesOf(config))),
    ...(config.tunnel === undefined ? [] : checkTunnel(config.tunnel, today)),
    ...config.visitors.flatMap(({ tls }, i) => {
      const setting = `${config.visitors.length > 1 ? `visitors[${i}]` : "visitors"}.certificate`;
      return tls?.certificates.map(({ certificate }) => checkDates(setting, certificate, today)) ?? [];
    }),
    ...checkProxies(config),
    ...checkPlaces(config),
    ...checkMemory(edgeMemory(config)),
    ...(await checkStore(config.store, { side: "edge", clock: systemClock })),
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
      `only this machine reaches ${host} (visitors), and the proxy that visitors come through is not trusted (proxy-not-trusted)`,
      LIST_THE_PROXY,
    ),
  ];
};

const placesOf = ({ visitors, tunnel }: EdgeConfig): readonly Listening[] => [
  ...visitors.map(({ listen, reusePort }, i) => ({
    setting: visitors.length > 1 ? `visitors[${i}]` : "visitors",
    listen,
    reusePort,
  })),
  ...(tunnel === undefined ? [] : [{ setting: "tunnel", listen: tunnel.listen }]),
];

const checkTunnel = (tunnel: TunnelListen, today: Date): readonly Finding[] =>
  tunnel.mode === "certificate" ? [checkDates("tunnel.certificate", tunnel.certificate, today)] : [];

const checkDates = (setting: string, { path, bytes }: NamedFile, today: Date): Finding => {
  const { validFromDate: from, validToDate: to } = new X509Certificate(bytes);
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
