/**
 * `coilgun-origin check`: reads the config and tries what it names: each route's web server with a request for its
 * host, each edge with a link that is closed again at once. Each finding says what to do; every wait has a bound.
 */

import { printHostPort } from "../../protocol/config/units.ts";
import {
  checkEnd,
  checkName,
  checkPlaces,
  checkPrivacy,
  type Finding,
  ok,
  problem,
  warning,
} from "../../protocol/daemon/findings.ts";
import { checkMemory, originMemory } from "../../protocol/daemon/memory-bound.ts";
import { counted } from "../../protocol/daemon/text-table.ts";
import { checkSharedConfig } from "../../protocol/fleet/check-shared-config.ts";
import { fieldOf, type ResponseHead } from "../../protocol/http/head.ts";
import { type Clock, DeadlineError } from "../../protocol/runtime/clock.ts";
import { codeOf } from "../../protocol/runtime/user-error.ts";
import { checkStore } from "../../protocol/tier/open/check-store.ts";
import { printUpstreamAddress } from "../../protocol/upstream/upstream-address.ts";
import { UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import { loadOriginConfig, ORIGIN_FLEET } from "../config/load-origin-config.ts";
import type { EdgeToDial } from "../config/origin-config.ts";
import type { Route } from "../config/route-config.ts";
import { adviseConnections } from "./advise-connections.ts";
import { adviseSaving } from "./advise-saving.ts";
import { askForHead, pageOf } from "./ask-page.ts";
import { tryEdge } from "./probe-edge.ts";

/** How long one thing may take: a name, a web server's answer, a link. @internal */
export const EACH_MS = 10_000;

export interface CheckOptions {
  readonly clock: Clock;
  readonly tryEdge?: typeof tryEdge;
  readonly withinMs?: number;
}

/** Throws ConfigError when the config itself is not valid. */
export const checkOrigin = async (file: string, options: CheckOptions): Promise<readonly Finding[]> => {
  const files = [file];
  const { findings, isComplete, shared } = await checkSharedConfig(file, ORIGIN_FLEET, options);
  if (!isComplete) return findings;
  const config = loadOriginConfig(file, files, shared);
  const bounds = { clock: options.clock, withinMs: options.withinMs ?? EACH_MS };
  const tried = await Promise.all([
    ...config.routes.map((route) => checkRoute(route, { ...bounds, ...config.limits })),
    ...config.edges.map((edge) => checkEdge(edge, bounds, options.tryEdge ?? tryEdge)),
  ]);
  const routes = new Set(config.routes.map(({ host, path }) => `${host} ${path}`)).size;
  return [
    ok(`${file} is valid: ${counted(config.edges.length, "edge")}, ${counted(routes, "route")}`),
    ...findings,
    ...checkEnd(file),
    ...checkPrivacy(files),
    ...checkPlaces(config),
    ...checkMemory(originMemory(config)),
    ...(await checkStore(config.store, { side: "origin", clock: options.clock })),
    ...tried.flat(),
  ];
};

interface Bounds {
  readonly clock: Clock;
  readonly withinMs: number;
}

const checkRoute = async (
  route: Route,
  bounds: Bounds & { readonly headBytes: number; readonly pageBytes: number },
): Promise<readonly Finding[]> => {
  const setting = `route ${route.host}${route.path === "/" ? "" : route.path}`;
  if (route.origin.scheme !== "unix") {
    const name = await checkName(setting, route.origin.address.host, bounds);
    if (name?.outcome === "problem") return [name];
  }
  const server = `${setting}: ${printUpstreamAddress(route.origin)}`;
  // As one that must not be repeated, so that what the web server does is seen as it is.
  const client = new UpstreamClient(route, bounds);
  try {
    const answer = await bounds.clock.within(bounds.withinMs, undefined, (signal) =>
      askForHead(route, client, signal),
    );
    return [
      judgeAnswer(server, route, answer),
      ...adviseConnections(server, route, answer),
      ...(await adviseSaving(server, route.path, pageOf(route, client, bounds), bounds)),
    ];
  } catch (error) {
    return [whyNoAnswer(server, error)];
  } finally {
    await client.close();
  }
};

const judgeAnswer = (server: string, { host, path }: Route, { status, fields }: ResponseHead): Finding => {
  const said = `${server} answers HEAD ${path} with ${status}`;
  if (status >= 500 && status !== 501) return warning(said, "the web server's own log says why");
  if (status === 400 || status === 421) {
    return warning(said, `make the web server serve the name ${host}, or set the route's hostHeader`);
  }
  if (status >= 300 && status < 400 && fieldOf(fields, "location")?.startsWith(`https://${host}`)) {
    return warning(
      `${said}, to https`,
      "visitors would go in circles: let the site believe X-Forwarded-Proto, or turn its redirect off",
    );
  }
  return ok(said);
};

const whyNoAnswer = (server: string, error: unknown): Finding => {
  if (error instanceof DeadlineError) {
    const advice = "look whether the web server hangs, or a firewall drops what is sent to it";
    return problem(`${server} does not answer within ${error.afterMs} ms`, advice);
  }
  const cause = firstCause(error);
  const code = codeOf(cause);
  if (code === "ECONNREFUSED" || code === "ENOENT") {
    return problem(
      `${server}: nothing listens there`,
      "start the web server, or set the route's origin to where it is",
    );
  }
  if (code === "EACCES") {
    return problem(
      `${server} may not be used by this user`,
      "let this user write to the socket: put it in the web server's group, or change the socket's mode",
    );
  }
  if (code.startsWith("HPE_")) {
    return problem(
      `${server} does not answer in HTTP`,
      "set the route's origin to a port that speaks HTTP/1.1",
    );
  }
  if (isAboutTls(code)) {
    return problem(
      `${server} cannot be asked over TLS (${code})`,
      "name its authority under tls.authorities and its name under tls.serverName, or write http:// if it speaks no TLS",
    );
  }
  return problem(`${server} cannot be asked (${code})`, "set the route's origin to where the web server is");
};

/** What Node said, below our own words for it. */
const firstCause = (error: unknown): unknown => {
  if (error instanceof AggregateError) return firstCause(error.errors[0]);
  return error instanceof Error && error.cause !== undefined ? firstCause(error.cause) : error;
};

const isAboutTls = (code: string): boolean => /^ERR_(SSL|TLS)|CERT|^UNABLE_TO_|SELF_SIGNED|EPROTO/.test(code);

const checkEdge = async (
  edge: EdgeToDial,
  bounds: Bounds,
  makeLink: typeof tryEdge,
): Promise<readonly Finding[]> => {
  const setting = `edge ${printHostPort(edge.address)}`;
  const name = await checkName(setting, edge.address.host, bounds);
  if (name?.outcome === "problem") return [name];
  const findings = name === undefined ? [] : [name];
  try {
    await makeLink(edge, bounds);
    return [...findings, ok(`${setting} accepts the key ${edge.key.id}`)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [...findings, problem(`${setting} gives no link with the key ${edge.key.id}`, why)];
  }
};
