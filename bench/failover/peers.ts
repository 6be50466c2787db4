/** HAProxy, as master and worker and with the time limits of the file that Debian brings. */
import { join } from "node:path";
import type { Recipe } from "../places/outside-servers.ts";

export const haproxyBefore = (webServer: string): Recipe => ({
  program: "haproxy",
  get: "apt-get install haproxy",
  files: (address, folder) => ({
    "haproxy.cfg": `
global
  stats socket ${join(folder, "stats")} expose-fd listeners
defaults
  mode http
  timeout connect 5000
  timeout client 50000
  timeout server 50000
frontend visitors
  bind ${address}
  default_backend web
backend web
  server web ${webServer}
`,
  }),
  args: (_, folder) => ["-W", "-db", "-f", join(folder, "haproxy.cfg")],
});
