/**
 * Ports that outlive the process: sockets that the service manager listens on and passes from descriptor 3 on (sd_listen_fds(3):
 * LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES). What arrives between two processes waits there, and is refused by nobody.
 */
import { Complaint } from "../../protocol/runtime/user-error.ts";

const FIRST_FD = 3;

/** The surroundings of the process, or of a test. */
export interface Inheritance {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Descriptors by the names that FileDescriptorName= gave them, each with those of one name in their order. Throws Complaint for a name
 * that is not in `known`: its socket would accept connections that nobody serves.
 */
export const inheritedSockets = <Name extends string>(
  known: readonly Name[],
  { pid, env }: Inheritance = process,
): Readonly<Record<Name, readonly number[]>> => {
  const found = Object.fromEntries(known.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  if (env.LISTEN_PID !== String(pid)) return found;
  const names = (env.LISTEN_FDNAMES ?? "").split(":");
  for (let index = 0; index < Number(env.LISTEN_FDS); index++) {
    const name = known.find((each) => each === names[index]);
    if (name === undefined)
      throw new Complaint(
        `a socket was passed under the name ${JSON.stringify(names[index] ?? "")}; give each .socket unit FileDescriptorName=${known.join(" or ")}`,
      );
    found[name].push(FIRST_FD + index);
  }
  return found;
};
