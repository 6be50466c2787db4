import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { LONGEST_LINE_BYTES, WholeLines } from "../../../protocol/workers/line-merger.ts";
import { settle } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";

const never = (error: Error): never => {
  throw error;
};

/** Takes one write at a time, each when it is told to. */
class SlowSink extends Writable {
  readonly taken: string[] = [];
  next: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: true });
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.taken.push(chunk.toString());
    this.next = done;
  }
}

describe("lines of several programs", () => {
  it("are never torn, however their bytes arrive", async () => {
    const random = seeded();
    const to = new PassThrough();
    const lines = new WholeLines(to, never);
    const programs = Array.from({ length: 4 }, (_, program) => {
      const from = new PassThrough();
      lines.takeFrom(from);
      const said = Array.from(
        { length: 200 },
        (_, n) => `${program} ${n} ${"x".repeat(random.int(0, 50))}\n`,
      );
      return { from, said, left: Buffer.from(said.join("")) };
    });
    for (let left = programs; left.length > 0; left = left.filter((each) => each.left.length > 0)) {
      const each = left[random.int(0, left.length - 1)];
      if (each === undefined) break;
      const cut = random.int(1, 60);
      each.from.write(each.left.subarray(0, cut));
      each.left = each.left.subarray(cut);
      if (random.int(0, 3) === 0) await settle();
    }
    for (const { from } of programs) from.end();
    await settle();
    const heard = String(to.read()).split(/(?<=\n)/);
    for (const [program, { said }] of programs.entries())
      expect(heard.filter((line) => line.startsWith(`${program} `))).toEqual(said);
  });

  it("end with a line's end also for who was killed inside one", async () => {
    const to = new PassThrough();
    const from = new PassThrough();
    new WholeLines(to, never).takeFrom(from);
    from.write("whole\nhal");
    await settle();
    expect(String(to.read())).toBe("whole\n");
    from.destroy();
    await settle();
    expect(String(to.read())).toBe("hal\n");
  });

  it("are handed on in pieces beyond the longest line, and kept until then", async () => {
    const to = new PassThrough({ highWaterMark: 4 * LONGEST_LINE_BYTES });
    const from = new PassThrough({ highWaterMark: 4 * LONGEST_LINE_BYTES });
    new WholeLines(to, never).takeFrom(from);
    from.write("x".repeat(LONGEST_LINE_BYTES));
    await settle();
    expect(to.readableLength).toBe(0);
    from.write("y");
    await settle();
    expect(to.readableLength).toBe(LONGEST_LINE_BYTES + 1);
  });

  it("wait where they are while the stream is slow, and are dropped once it broke", async () => {
    const to = new SlowSink();
    const failures: string[] = [];
    const from = new PassThrough();
    new WholeLines(to, ({ message }) => failures.push(message)).takeFrom(from);
    from.write("first\n");
    await settle();
    from.write("second\n");
    await settle();
    expect([to.taken, from.readableLength]).toEqual([["first\n"], 7]);
    to.next?.();
    await settle();
    expect(to.taken).toEqual(["first\n", "second\n"]);
    to.destroy(new Error("gone"));
    await settle();
    from.write("third\n");
    await settle();
    expect([failures, from.readableLength]).toEqual([["gone"], 0]);
  });
});
