/**
 * Listeners with `proxyProtocol: required` behind the programs that write the header: HAProxy (versions 1 and 2, with fields of its own, and its
 * checks) and nginx's stream module. The site is told the visitor's address, over HTTP and over TLS that the edge ends, and on
 * a listener that has IPv4 and IPv6 where the machine has both.
 */
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { request as requestTls } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { everyAddress } from "../../protocol/runtime/ip-address.ts";
import { freePort, openOrigin } from "../kit/fake-origin.ts";
import { describeWith } from "../kit/outside-program.ts";
import { startOutside } from "../kit/outside-server.ts";
import { edgeYaml, HOST, openScene } from "../kit/real-daemons.ts";
import { makeSiteFiles } from "../kit/secure-pair.ts";

/** Of IPv4 any address of 127.0.0.0/8 is this machine's. */
const VISITOR = "127.0.0.9";

interface Way {
  /** Where the proxy listens. */
  readonly from: number;
  /** The edge's listener. */
  readonly to: number;
}

const FORMS = ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"];
const haproxy = (ways: readonly Way[]): string => `
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
${ways
  .map(
    ({ from, to }, i) => `listen way-${i}
    bind 127.0.0.1:${from}
    unique-id-format %pid-%rt
    server edge 127.0.0.1:${to} ${FORMS[i % FORMS.length]} check inter 50ms rise 1 fall 1
`,
  )
  .join("")}`;

const STREAMS = "/usr/lib/nginx/modules/ngx_stream_module.so";
const nginx = (ways: readonly Way[], folder: string): string => `
load_module ${STREAMS};
daemon off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
stream {
${ways.map(({ from, to }) => `server { listen 127.0.0.1:${from}; proxy_pass 127.0.0.1:${to}; proxy_protocol on; }`).join("\n")}
}
`;

/** An edge that serves HOST from a site which says whom it was told of; its listeners for HTTP and HTTPS. */
const startEdge = async () => {
  const scene = openScene();
  onTestFinished(() => scene[Symbol.asyncDispose]());
  const files = makeSiteFiles();
  onTestFinished(() => files[Symbol.dispose]());
  const site = await openOrigin(({ headers }, response) => void response.end(headers["x-forwarded-for"]));
  onTestFinished(() => site[Symbol.asyncDispose]());
  const [http, https] = [await freePort(), await freePort()];
  const listen = (port: number) => ({ listen: `${everyAddress()}:${port}`, proxyProtocol: "required" });
  const edge = await scene.start(
    "edge-side",
    edgeYaml({
      visitors: [listen(http), { ...listen(https), ...files.named }],
      keys: [],
      tunnel: undefined,
      hosts: [{ host: HOST, direct: `http://127.0.0.1:${site.port}` }],
      trustedProxies: ["127.0.0.1"],
    }),
  );
  return { folder: scene.folder, edge, ca: files.authority.certificate, http, https };
};

/** What the site says to the visitor. */
const told = async (port: number, ca: string | undefined): Promise<string> => {
  const to = { port, host: "127.0.0.1", localAddress: VISITOR, headers: { Host: HOST }, agent: false };
  const asked = ca === undefined ? request(to) : requestTls({ ...to, ca, servername: HOST });
  const [response] = await once(asked.end(), "response");
  return text(response);
};

const GET_NGINX = "install nginx (Debian, Ubuntu: apt-get install nginx-light libnginx-mod-stream)";
const PROXIES = [
  {
    program: { names: ["haproxy"], get: "install haproxy (Debian, Ubuntu: apt-get install haproxy)" },
    config: haproxy,
    args: ["-db", "-f"],
    forms: FORMS,
  },
  {
    // Its stream module is a package of its own.
    program: { names: existsSync(STREAMS) ? ["nginx"] : ["nginx with its stream module"], get: GET_NGINX },
    config: nginx,
    args: ["-c"],
    forms: ["proxy_protocol on"],
  },
];

for (const { program, forms, config, args } of PROXIES)
  describeWith(program, `${program.names[0]} in front of the edge`, (path) => {
    it(`tells it the visitor's address: ${forms.join(", ")}`, async () => {
      const { folder, edge, ca, http, https } = await startEdge();
      const ways: (Way & { ca: string | undefined })[] = [];
      for (const _ of forms) ways.push({ from: await freePort(), to: http, ca: undefined });
      for (const _ of forms) ways.push({ from: await freePort(), to: https, ca });
      const file = join(folder, "proxy.conf");
      writeFileSync(file, config(ways, folder));
      const proxy = await startOutside(path, [...args, file], ways.at(-1)?.from ?? 0);
      onTestFinished(() => proxy[Symbol.asyncDispose]());
      for (const way of ways) expect(await told(way.from, way.ca)).toBe(VISITOR);
      expect(await edge.access(ways.length)).toMatchObject({ client: VISITOR, protocol: "HTTP/1.1" });
      expect(edge.log.filter(({ event }) => event === "proxy header refused")).toEqual([]);
    });
  });
