import { once } from "node:events";
import { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  MOST_WAITING,
  MOST_WAITING_BYTES,
  PipelineQueue,
  REQUEST_BYTES,
} from "../../../../edge-side/http/connections/pipeline-queue.ts";
import { MemoryBudget } from "../../../../protocol/runtime/memory-budget.ts";

const ROOM = 4 * 1024 * 1024;
const memory = new MemoryBudget({ totalBytes: ROOM, shareBytes: ROOM });

const made = () => {
  const socket = new Socket();
  const ended: string[] = [];
  const told: string[] = [];
  const attendance = { busy: () => told.push("busy"), rested: () => told.push("rested") };
  const events = { attendance, ended: (limit: string) => ended.push(limit) };
  return { socket, ended, told, turns: new PipelineQueue(socket, events, memory.lease("")) };
};

afterEach(() => expect(memory.usedBytes).toBe(0));

describe("requests of one connection", () => {
  it("run one after the other, each when the one before says so", () => {
    const { turns, told } = made();
    const began: number[] = [];
    const done: (() => void)[] = [];
    for (const number of [1, 2, 3])
      turns.take((finish) => {
        began.push(number);
        done.push(finish);
      });
    expect([began, turns.busy, told]).toEqual([[1], true, ["busy"]]);
    done[0]?.();
    done[0]?.();
    expect(began).toEqual([1, 2]);
    done[1]?.();
    expect(told).toEqual(["busy"]);
    done[2]?.();
    expect([began, turns.busy, told]).toEqual([[1, 2, 3], false, ["busy", "rested"]]);
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

  it(`wait, ${MOST_WAITING} of them; one more ends the connection`, async () => {
    const { socket, ended, turns } = made();
    let began = 0;
    for (let sent = 0; sent <= MOST_WAITING; sent++) turns.take(() => began++);
    expect([began, socket.destroyed]).toEqual([1, false]);
    turns.take(() => began++);
    expect([began, socket.destroyed, ended]).toEqual([1, true, ["requests that wait on a connection"]]);
    await once(socket, "close");
  });

  it("end their connection where there is no room for them beside those of all others", async () => {
    const others = memory.lease("");
    others.grow(ROOM - 2 * REQUEST_BYTES - 100);
    const { socket, ended, turns } = made();
    for (let sent = 0; sent < 2; sent++) turns.take(() => {});
    turns.take(() => {}, 100);
    expect([socket.destroyed, memory.usedBytes]).toEqual([false, ROOM]);
    turns.take(() => {});
    expect([socket.destroyed, ended]).toEqual([true, ["requests that wait on all connections"]]);
    await once(socket, "close");
    others.release();
  });

  it("are read no further while more than so many bytes of heads wait, until some have run", () => {
    const { socket, turns } = made();
    const done: (() => void)[] = [];
    const take = (bytes: number) => turns.take((finish) => done.push(finish), bytes);
    take(0);
    take(MOST_WAITING_BYTES - REQUEST_BYTES);
    expect(socket.isPaused()).toBe(false);
    take(0);
    expect(socket.isPaused()).toBe(true);
    done[0]?.();
    expect(socket.isPaused()).toBe(false);
    done[1]?.();
    expect([done.length, socket.isPaused()]).toEqual([3, false]);
  });

  it("are read no further while many wait, however small their heads are", () => {
    const { socket, turns } = made();
    const done: (() => void)[] = [];
    for (let sent = 0; sent <= MOST_WAITING_BYTES / REQUEST_BYTES; sent++)
      turns.take((finish) => done.push(finish));
    expect(socket.isPaused()).toBe(false);
    turns.take((finish) => done.push(finish));
    expect(socket.isPaused()).toBe(true);
    for (let finish = done.shift(); finish !== undefined; finish = done.shift()) finish();
    expect(socket.isPaused()).toBe(false);
  });

  it("are not read on when node resumes the socket", async () => {
    const { socket, turns } = made();
    turns.take(() => {});
    turns.take(() => {}, MOST_WAITING_BYTES + 1);
    socket.resume();
    expect(socket.isPaused()).toBe(true);
    socket.destroy();
    await once(socket, "close");
  });

  it("do not run when the visitor has left", async () => {
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
    await once(socket, "close");
    expect(began).toBe(0);
  });
});
