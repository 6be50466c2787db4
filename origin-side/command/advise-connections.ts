/**
 * What to set as `connections` of a route, where its response says that the web server gives each connection a thread, a process or one of
 * few places, and the route has the default still.
 */
import { type Finding, warning } from "../../protocol/daemon/findings.ts";
import { fieldOf, type ResponseHead } from "../../protocol/http/head.ts";
import { DEFAULT_CONNECTIONS, type Route } from "../config/route-config.ts";

interface FewAtOnce {
  readonly name: string;
  /** As the field Server names it. */
  readonly named: RegExp;
  /** How many it serves at once. */
  readonly serves: string;
}

/** Puma, Rails' own server, does not name itself; Rails says how long it took. */
const RAILS = "rails";

const SERVERS: readonly FewAtOnce[] = [
  { name: "Rails", named: /^rails$/, serves: "Puma's threads times workers" },
  { name: "gunicorn", named: /^gunicorn\b/i, serves: "its workers times threads" },
  {
    name: "Waitress",
    named: /^waitress\b/i,
    serves: "its connection_limit, 100 at most unless set",
  },
  {
    name: "Apache",
    named: /^apache\b(?!-)/i,
    serves: "MaxRequestWorkers, less what else it serves, if it runs the prefork MPM (apachectl -V)",
  },
];

/** `server`: the route and its web server, as findings begin. */
export const adviseConnections = (
  server: string,
  { connections }: Pick<Route, "connections">,
  { fields }: ResponseHead,
): readonly Finding[] => {
  if (connections !== DEFAULT_CONNECTIONS) return [];
  const named = fieldOf(fields, "server") ?? (fieldOf(fields, "x-runtime") === undefined ? "" : RAILS);
  const found = SERVERS.find(({ named: by }) => by.test(named));
  if (found === undefined) return [];
  return [
    warning(
      `${server} is ${found.name}, which may serve fewer connections at once than the ${connections} of the route`,
      `set the route's connections to ${found.serves}, and rest: 0ms if visitors wait even so`,
    ),
  ];
};
