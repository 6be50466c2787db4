/**
 * The end of the process. Node waits for its threads then, and one that stands in a system call, for a disk that hangs or for a pipe that
 * nobody reads, would keep the process for ever: while there may be such a thread the process ends by SIGKILL.
 */
const standing = new Set<symbol>();

/** A thread begins something that may never end. Returns what is to be called when it has ended. */
export const mayStand = (): (() => void) => {
  const work = Symbol();
  standing.add(work);
  return () => void standing.delete(work);
};

/** Whether a thread may stand in a system call now. @internal */
export const isAnyStanding = (): boolean => standing.size > 0;

/** Now, whatever is under way. */
export const endProcess = (code: number): never => {
  if (isAnyStanding()) process.kill(process.pid, "SIGKILL");
  process.exit(code);
};
