/**
 * `coilgun-origin check`: reads the config and tries what it names: each route's web server with a request for its
 * host, each edge with a link that is closed again at once. Each finding says what to do; every wait has a bound.
 */
import { type IncomingMessage, request } from "node:http";
import { type Clock, DeadlineError } from "../protocol/kit/clock.ts";
import { codeOf } from "../protocol/kit/complaint.ts";
import { loadConfig } from "../protocol/kit/config.ts";
import { checkName, checkPrivacy, type Finding, ok, problem, warning } from "../protocol/kit/findings.ts";
import { printHostPort } from "../protocol/kit/units.ts";
import { type EdgeToDial, originSettings, printOriginServer, type Route } from "./config.ts";
import { tryEdge } from "./try-edge.ts";

/** How long one thing may take: a name, a web server's answer, a link. */
export const EACH_MS = 10_000;

export interface CheckGiven {
  readonly clock: Clock;
  readonly tryEdge?: typeof tryEdge;
  readonly withinMs?: number;
}

/** Throws ConfigError when the config itself is not valid. */
export const checkOrigin = async (file: string, given: CheckGiven): Promise<readonly Finding[]> => {
  const files = [file];
  const config = loadConfig(file, originSettings, files);
  const bounds = { clock: given.clock, withinMs: given.withinMs ?? EACH_MS };
  const tried = await Promise.all([
    ...config.routes.map((route) => checkRoute(route, bounds)),
    ...config.edges.map((edge) => checkEdge(edge, bounds, given.tryEdge ?? tryEdge)),
  ]);
  return [
    ok(`${file} is valid: ${config.edges.length} edge(s), ${config.routes.length} route(s)`),
    ...checkPrivacy(files),
    ...tried.flat(),
  ];
};

interface Bounds {
  readonly clock: Clock;
  readonly withinMs: number;
}

const checkRoute = async (route: Route, bounds: Bounds): Promise<readonly Finding[]> => {
  const setting = `route ${route.host}`;
  const name = await checkName(setting, route.origin.address.host, bounds);
  if (name?.outcome === "problem") return [name];
  const server = `${setting}: ${printOriginServer(route.origin)}`;
  try {
    const answer = await bounds.clock.within(bounds.withinMs, undefined, (signal) =>
      askForHead(route, signal),
    );
    return [judgeAnswer(server, route.host, answer)];
  } catch (error) {
    return [whyNoAnswer(server, error)];
  }
};

/** HEAD / as a visitor's request would arrive there. Resolves with the response's head alone. */
const askForHead = (route: Route, signal: AbortSignal): Promise<IncomingMessage> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { host, port } = route.origin.address;
  const asking = request({
    host,
    port,
    method: "HEAD",
    path: "/",
    headers: { host: route.host, "user-agent": "coilgun-origin check" },
    agent: false,
    signal,
  });
  asking.once("error", (error) => reject(signal.aborted ? signal.reason : error));
  asking.once("response", (answer) => {
    asking.destroy();
    resolve(answer);
  });
  asking.end();
  return promise;
};

const judgeAnswer = (server: string, host: string, answer: IncomingMessage): Finding => {
  const status = answer.statusCode ?? 0;
  const said = `${server} answers HEAD / with ${status}`;
  if (status >= 500 && status !== 501) return warning(said, "the web server's own log says why");
  if (status === 400 || status === 421) {
    return warning(said, `make the web server serve the name ${host}`);
  }
  if (status >= 300 && status < 400 && answer.headers.location?.startsWith(`https://${host}`)) {
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
  const code = codeOf(error);
  if (code === "ECONNREFUSED") {
    return problem(
      `${server}: nothing listens there`,
      "start the web server, or set the route's origin to where it is",
    );
  }
  if (code.startsWith("HPE_")) {
    return problem(
      `${server} does not answer in HTTP`,
      "set the route's origin to a port that speaks plain HTTP",
    );
  }
  return problem(`${server} cannot be asked (${code})`, "set the route's origin to where the web server is");
};

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
