import { describe, expect, it } from "vitest";
import { PageLookahead } from "../../../edge-side/answer/page-lookahead.ts";
import { AsyncQueue } from "../../../protocol/runtime/async-queue.ts";
import type { BodyEnd } from "../../../protocol/upstream/body.ts";

const END: BodyEnd = { how: "complete", trailers: ["X", "1"] };
const A = Buffer.from("a");
const B = Buffer.from("b");

/** Pieces as they are pushed; undefined ends the page. */
const made = () => {
  const arriving = new AsyncQueue<Buffer | BodyEnd>();
  let closed = false;
  async function* steps(): AsyncGenerator<Buffer, BodyEnd> {
    try {
      for (;;) {
        const next = await arriving.next();
        if ("how" in next) return next;
        yield next;
      }
    } finally {
      closed = true;
    }
  }
  return { arriving, pieces: new PageLookahead(steps()), closed: () => closed };
};

describe("the pieces of a page", () => {
  it("are a whole when all is here", async () => {
    const { arriving, pieces } = made();
    arriving.push(A);
    arriving.push(END);
    expect(await pieces.whole(false)).toEqual({ page: A, end: END });
    expect(pieces.bytes).toBe(1);
  });

  it("are a whole of nothing when there is no body", async () => {
    const { arriving, pieces } = made();
    arriving.push(END);
    expect(await pieces.whole(false)).toEqual({ page: Buffer.alloc(0), end: END });
  });

  it("are no whole while something is to come, and nothing is lost by looking", async () => {
    const { arriving, pieces } = made();
    expect(await pieces.whole(false)).toBeUndefined();
    arriving.push(A);
    expect(await pieces.whole(false)).toBeUndefined();
    expect(await pieces.ready()).toBe(true);
    expect(await pieces.next()).toEqual({ done: false, value: A });
    expect(await pieces.ready()).toBe(false);
    arriving.push(B);
    arriving.push(END);
    expect(await pieces.next()).toEqual({ done: false, value: B });
    expect(await pieces.next()).toEqual({ done: true, value: END });
    expect(pieces.bytes).toBe(2);
  });

  it("are put together when all are here, up to so many bytes", async () => {
    const { arriving, pieces } = made();
    for (const each of [A, B, END]) arriving.push(each);
    expect(await pieces.gathered(2)).toEqual({ page: Buffer.concat([A, B]), end: END });
    expect(pieces.bytes).toBe(2);
    const longer = made();
    for (const each of [A, B, END]) longer.arriving.push(each);
    expect(await longer.pieces.gathered(1)).toBeUndefined();
    expect(await longer.pieces.next()).toEqual({ done: false, value: A });
    expect(await longer.pieces.next()).toEqual({ done: false, value: B });
    expect(await longer.pieces.next()).toEqual({ done: true, value: END });
    expect(longer.pieces.bytes).toBe(2);
  });

  it("are not put together while one is to come, or where one fails: that shows where it is sent", async () => {
    const { arriving, pieces } = made();
    arriving.push(A);
    expect(await pieces.gathered(10)).toBeUndefined();
    expect(await pieces.next()).toEqual({ done: false, value: A });
    const fails = new PageLookahead(
      (async function* (): AsyncGenerator<Buffer, BodyEnd> {
        yield A;
        throw new Error("cut");
      })(),
    );
    expect(await fails.gathered(10)).toBeUndefined();
    expect(await fails.next()).toEqual({ done: false, value: A });
    await expect(fails.next()).rejects.toThrow("cut");
  });

  it("are no whole when there are two", async () => {
    const { arriving, pieces } = made();
    for (const each of [A, B, END]) arriving.push(each);
    expect(await pieces.whole(true)).toBeUndefined();
    expect((await pieces.next()).value).toBe(A);
    expect((await pieces.next()).value).toBe(B);
    expect((await pieces.next()).value).toBe(END);
  });

  it("of a page that comes in one piece are waited for", async () => {
    const { arriving, pieces } = made();
    const whole = pieces.whole(true);
    await new Promise((resolve) => setImmediate(resolve));
    arriving.push(A);
    arriving.push(END);
    expect(await whole).toEqual({ page: A, end: END });
  });

  it("fail where they are waited for", async () => {
    const { arriving, pieces } = made();
    arriving.push(A);
    arriving.fail(new Error("cut"));
    expect(await pieces.ready()).toBe(true);
    expect((await pieces.next()).value).toBe(A);
    expect(await pieces.ready()).toBe(true);
    await expect(pieces.next()).rejects.toThrow("cut");
  });

  it("that fail at once fail before anything of them is out", async () => {
    const { arriving, pieces } = made();
    arriving.push(A);
    arriving.fail(new Error("cut"));
    await expect(pieces.whole(false)).rejects.toThrow("cut");
    expect(pieces.bytes).toBe(0);
  });

  it("let go of what made them when they are closed", async () => {
    const { arriving, pieces, closed } = made();
    arriving.push(A);
    await pieces.next();
    pieces.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed()).toBe(true);
  });
});
