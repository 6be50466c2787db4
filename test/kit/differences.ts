/**
 * What is not as it should be in a loop of thousands of steps, for one assertion behind it: `expect` takes as long as fifty of the
 * comparisons that such loops make.
 */
export class Differences {
  /** Each in words; empty where all was right. */
  readonly found: string[] = [];

  /** Both must be the same value. `where`: of the step, for whoever reads the failure. */
  check(is: unknown, should: unknown, where: string | number): void {
    if (!Object.is(is, should)) this.found.push(`${where}: ${String(is)}, not ${String(should)}`);
  }
}
