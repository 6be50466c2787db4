/** A proxy that stands before an edge and ends TLS, as examples/front has it, on ports that are free here. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./fake-origin.ts";
import type { OutsideProgram } from "./outside-program.ts";
import { startOutside } from "./outside-server.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "front");

export interface FrontProgram extends OutsideProgram {
  readonly config: string;
  readonly args: (file: string) => readonly string[];
}

const debian = (name: string) => `install ${name} (Debian, Ubuntu: apt-get install ${name})`;

export const FRONTS: readonly FrontProgram[] = [
  { names: ["nginx"], get: debian("nginx-light"), config: "nginx.conf", args: (file) => ["-c", file] },
  { names: ["haproxy"], get: debian("haproxy"), config: "haproxy.cfg", args: (file) => ["-db", "-f", file] },
];

interface FrontOptions {
  readonly edgePort: number;
  /** Files in PEM. */
  readonly certificate: string;
  readonly privateKey: string;
}

export interface FrontProxy extends AsyncDisposable {
  readonly port: number;
}

/** Resolves when it listens. */
export const startFront = async (
  path: string,
  { config, args }: FrontProgram,
  { edgePort, certificate, privateKey }: FrontOptions,
): Promise<FrontProxy> => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-front-"));
  const port = await freePort();
  const files = { certificate: join(folder, "site.pem"), key: join(folder, "site.pem.key") };
  writeFileSync(files.certificate, readFileSync(certificate));
  writeFileSync(files.key, readFileSync(privateKey));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(" ");
  const text = readFileSync(join(EXAMPLES, config), "utf8")
    .replace("127.0.0.1:8443", `127.0.0.1:${port}`)
    .replace("127.0.0.1:8081", `127.0.0.1:${edgePort}`)
    .replaceAll("/etc/coilgun/site.pem", files.certificate)
    .replaceAll("/etc/coilgun/site.key", files.key)
    // What only a daemon of the system may have.
    .replace("pid /run/nginx.pid;", `pid ${folder}/nginx.pid; daemon off; error_log stderr;`)
    .replace("worker_processes auto;", "worker_processes 1;")
    .replace("access_log off;", `access_log off; ${temporary}`);
  const file = join(folder, config);
  writeFileSync(file, text);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const server = await startOutside(path, args(file), port);
    return {
      port,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
};
