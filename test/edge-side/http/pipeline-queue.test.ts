import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { MOST_WAITING, MOST_WAITING_BYTES, PipelineQueue } from "../../../edge-side/http/pipeline-queue.ts";

const made = () => {
  const socket = new Socket();
  return { socket, turns: new PipelineQueue(socket, { busy() {}, rested() {} }) };
};

describe("requests of one connection", () => {
  it("run one after the other, each when the one before says so", () => {
    const { turns } = made();
    const began: number[] = [];
    const done: (() => void)[] = [];
    for (const number of [1, 2, 3])
      turns.take((finish) => {
        began.push(number);
        done.push(finish);
      });
    expect([began, turns.busy]).toEqual([[1], true]);
    done[0]?.();
    done[0]?.();
    expect(began).toEqual([1, 2]);
    done[1]?.();
    done[2]?.();
    expect([began, turns.busy]).toEqual([[1, 2, 3], false]);
  });

  it("end with the last one", () => {
    const { turns } = made();
    const began: string[] = [];
    let finish = () => {};
    turns.take((done) => {
      began.push("first");
      finish = done;
    });
    turns.close(() => began.push("last"));
    turns.take(() => began.push("never"));
    turns.close(() => began.push("never"));
    expect(began).toEqual(["first"]);
    finish();
    expect(began).toEqual(["first", "last"]);
  });

  it(`wait, ${MOST_WAITING} of them; one more ends the connection`, () => {
    const { socket, turns } = made();
    let began = 0;
    for (let sent = 0; sent <= MOST_WAITING; sent++) turns.take(() => began++);
    expect([began, socket.destroyed]).toEqual([1, false]);
    turns.take(() => began++);
    expect([began, socket.destroyed]).toEqual([1, true]);
  });

  it("are read no further while more than so many bytes of heads wait, until some have run", () => {
    const { socket, turns } = made();
    const done: (() => void)[] = [];
    const take = (bytes: number) => turns.take((finish) => done.push(finish), bytes);
    take(0);
    take(MOST_WAITING_BYTES);
    expect(socket.isPaused()).toBe(false);
    take(1);
    expect(socket.isPaused()).toBe(true);
    done[0]?.();
    expect(socket.isPaused()).toBe(false);
    done[1]?.();
    expect([done.length, socket.isPaused()]).toEqual([3, false]);
  });

  it("are not read on by a socket that node resumed, once another head has come", () => {
    const { socket, turns } = made();
    turns.take(() => {});
    turns.take(() => {}, MOST_WAITING_BYTES + 1);
    socket.resume();
    expect(socket.isPaused()).toBe(false);
    turns.take(() => {}, 1);
    expect(socket.isPaused()).toBe(true);
  });

  it("do not run when the visitor has left", () => {
    const { socket, turns } = made();
    let began = 0;
    let finish = () => {};
    turns.take((done) => {
      finish = done;
    });
    turns.take(() => began++);
    socket.destroy();
    finish();
    turns.take(() => began++);
    expect(began).toBe(0);
  });
});
