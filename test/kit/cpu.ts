/** What work costs in CPU: not by the clock, since the machine may have much else to do. */

/** CPU milliseconds that this process spends while `work` runs. */
const cpuMsOf = (work: () => void): number => {
  const from = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1_000;
};

/**
 * How many times as much CPU `work` takes of a size as of the same in `pieces` small pieces: about once where the cost grows with the
 * size, about `pieces` times where everything is done with everything.
 */
export const dearerAtOnce = (size: number, pieces: number, work: (size: number) => void): number => {
  const small = cpuMsOf(() => {
    for (let piece = 0; piece < pieces; piece++) work(size / pieces);
  });
  return cpuMsOf(() => work(size)) / small;
};
