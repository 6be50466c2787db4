/**
 * Where a web server is: a TCP address, spoken to in plain HTTP or over TLS, or a unix socket. As it stands in `origin.yaml`,
 * and back.
 */
import { type HostPort, isLoopback, parseDialledAddress, printHostPort, UnitError } from "../config/units.ts";

export type UpstreamAddress =
  | { readonly scheme: "http" | "https"; readonly address: HostPort }
  | { readonly scheme: "unix"; readonly path: string };

const DEFAULT_PORTS = { http: 80, https: 443 } as const;
const FORMS = "http://127.0.0.1:3000, https://app.internal or unix:/run/app.sock";

/** The longest path that the kernel takes for a unix socket (108 bytes with a final zero on Linux, 104 elsewhere). @internal */
export const LONGEST_SOCKET_PATH = 103;

/** `http://127.0.0.1:3000`, `https://app`, `unix:/run/app.sock`, nothing more. Throws UnitError. */
export const parseUpstreamAddress = (text: string): UpstreamAddress => {
  const [, scheme = "", rest = ""] = /^([a-z][a-z+.-]*):(.*)$/i.exec(text.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case "unix":
      return { scheme: "unix", path: socketPath(rest.replace(/^\/\/(?=\/)/, "")) };
    case "http":
      return { scheme: "http", address: address(rest, DEFAULT_PORTS.http) };
    case "https":
      return { scheme: "https", address: address(rest, DEFAULT_PORTS.https) };
    default:
      throw new UnitError(
        rest.startsWith("//")
          ? `must begin with http://, https:// or unix:, as in ${FORMS}`
          : `is not a web server's address; write one such as ${FORMS}`,
      );
  }
};

const address = (rest: string, defaultPort: number): HostPort => {
  if (!rest.startsWith("//"))
    throw new UnitError(`is not a web server's address; write one such as ${FORMS}`);
  const authority = rest.slice(2, rest.endsWith("/") ? -1 : undefined);
  if (/[/?#@]/.test(authority)) {
    throw new UnitError(
      "must be scheme, host and port alone, such as http://127.0.0.1:3000; the visitor's path is used as it is",
    );
  }
  return parseDialledAddress(authority, defaultPort);
};

const socketPath = (path: string): string => {
  if (!path.startsWith("/") || path.startsWith("//"))
    throw new UnitError("must name a unix socket by its whole path, such as unix:/run/app.sock");
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    throw new UnitError(
      `names a unix socket by more than ${LONGEST_SOCKET_PATH} bytes, which no system takes`,
    );
  return path;
};

export const printUpstreamAddress = (server: UpstreamAddress): string =>
  server.scheme === "unix" ? `unix:${server.path}` : `${server.scheme}://${printHostPort(server.address)}`;

/** The server's name as a Host field carries it: without a port that goes without saying. */
export const authorityOf = (server: UpstreamAddress): string => {
  if (server.scheme === "unix") return "localhost";
  const printed = printHostPort(server.address);
  const implied = `:${DEFAULT_PORTS[server.scheme]}`;
  return printed.endsWith(implied) ? printed.slice(0, -implied.length) : printed;
};

/** Whether what is said to it never leaves this machine. */
export const isOnThisMachine = (server: UpstreamAddress): boolean =>
  server.scheme === "unix" || isLoopback(server.address.host);
