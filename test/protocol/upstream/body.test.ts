import { describe, expect, it } from "vitest";
import { PIECE_BYTES } from "../../../protocol/runtime/piece-merger.ts";
import { BODY_QUEUE_BYTES, type BodyEnd, UpstreamBody } from "../../../protocol/upstream/body.ts";

const END: BodyEnd = { how: "complete", trailers: [] };

const bodyOf = (...pieces: readonly number[]) => {
  const heard: string[] = [];
  const body = new UpstreamBody({ pause: () => heard.push("pause"), resume: () => heard.push("resume") });
  for (const bytes of pieces) body.push(Buffer.alloc(bytes));
  return { body, heard };
};

describe("a body", () => {
  it("is pulled piece by piece, up to its end", async () => {
    const { body } = bodyOf(3_000, 4_000);
    body.push(END);
    expect([(await body.next()) as Buffer, body.take() as Buffer].map(({ length }) => length)).toEqual([
      3_000, 4_000,
    ]);
    expect([body.take(), body.take()]).toEqual([END, undefined]);
  });

  it("pauses its source when more waits than may, once, and goes on when that is pulled and done with", () => {
    const { body, heard } = bodyOf(BODY_QUEUE_BYTES - PIECE_BYTES);
    expect(heard).toEqual([]);
    body.push(Buffer.alloc(1));
    body.push(Buffer.alloc(1));
    expect(heard).toEqual(["pause"]);
    body.take();
    expect(heard, "the piece in hand still counts").toEqual(["pause"]);
    body.take();
    expect(heard).toEqual(["pause", "resume"]);
  });

  it("goes on also when nothing more waits", () => {
    const { body, heard } = bodyOf(BODY_QUEUE_BYTES - PIECE_BYTES + 1);
    body.take();
    expect(body.take()).toBeUndefined();
    expect(heard).toEqual(["pause", "resume"]);
  });

  it("that fails still gives what came before", async () => {
    const { body } = bodyOf(3);
    const failure = new Error("it broke off");
    body.fail(failure);
    expect(((await body.next()) as Buffer).length).toBe(3);
    await expect(body.next()).rejects.toBe(failure);
  });
});
