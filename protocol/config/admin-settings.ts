/**
 * The setting `admin`: where the running daemon is asked about itself. A unix socket, for its owner's commands; a `host:port`, which is
 * read only; or a list of both.
 */
import { z } from "zod";
import type { Surroundings } from "./parse-config.ts";
import { block, hostName, type NamedFile, noTwoAlike, readPath, shortFor, written } from "./schema.ts";
import { tokenFile } from "./token.ts";
import { type HostPort, isLoopback, parseHostPort, printHostPort, UnitError } from "./units.ts";

export type AdminListen = AdminSocket | AdminAddress;

interface AdminSocket {
  readonly path: string;
}

export interface AdminAddress {
  readonly address: HostPort;
  /** What who asks must show; undefined: nothing, and the address is this machine's alone. */
  readonly token: NamedFile | undefined;
  /** Names that it may be asked by, beside those of this machine alone and the address itself. */
  readonly hosts: readonly string[];
}

/** The socket that commands use: the first one. */
export const socketOf = (admin: readonly AdminListen[]): string | undefined =>
  admin.flatMap((each) => ("path" in each ? [each.path] : []))[0];

export const printAdmin = (listen: AdminListen): string =>
  "path" in listen ? listen.path : printHostPort(listen.address);

/** The longest path of a unix socket that every system can bind: 104 bytes with the final zero, and a process id behind it. @internal */
export const LONGEST_SOCKET_PATH = 95;

/** `commands`: which need the socket. */
export const adminSetting = (near: Surroundings, commands: string) =>
  z
    .preprocess(
      (value: unknown) => (Array.isArray(value) ? value : [value]),
      z.array(adminListen(near)).check(noTwoAlike(printAdmin, "is listed twice", "listen")),
    )
    .prefault([])
    .describe(
      `Where the running daemon is asked about itself: a unix socket (for ${commands}), a host:port, or a list of both.`,
    );

const adminListen = (near: Surroundings) =>
  z.preprocess(
    shortFor("listen"),
    block({
      listen: written((text) => readPlace(text, near), "a path, such as ./admin.sock, or host:port").describe(
        "A path, or a host:port, where HTTP is answered that changes nothing; may stand alone in place of the block.",
      ),
      tokenFile: tokenFile(near)
        .optional()
        .describe(
          "A file with what who asks must show, as `Authorization: Bearer` or as any user's password; needed where other machines reach the address.",
        ),
      hosts: z
        .array(hostName())
        .prefault([])
        .describe("Names that it may be asked by, beside localhost and the address itself."),
    }).transform(({ listen, tokenFile, hosts }, context): AdminListen => {
      const wrong = (setting: string, message: string) => {
        context.addIssue({ code: "custom", message, path: [setting] });
        return z.NEVER;
      };
      if ("path" in listen) {
        if (tokenFile !== undefined)
          return wrong("tokenFile", "is for a host:port; a socket is its owner's alone");
        return listen;
      }
      if (tokenFile === undefined && !isLoopback(listen.host))
        return wrong(
          "listen",
          "must be an address of this machine alone, such as 127.0.0.1:7480, or have a tokenFile",
        );
      return { address: listen, token: tokenFile, hosts };
    }),
  );

/** A path has a slash, or no port. */
const readPlace = (text: string, near: Surroundings): AdminSocket | HostPort => {
  if (!text.includes("/") && /:\d+$/.test(text)) return parseHostPort(text);
  if (/^\d+$/.test(text))
    throw new UnitError(`has no address; write 127.0.0.1:${text}, or ./${text} for a socket`);
  const path = readPath(text, near);
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return { path };
  throw new UnitError(`makes a path longer than ${LONGEST_SOCKET_PATH} bytes, which no unix socket can have`);
};
