// Who makes room for a new visitor, and who is told when the edge stops.
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { Crowd } from "../../../edge-side/http/crowd.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

let ports = 0;

/** As much of a socket as a crowd looks at. */
class Visitor extends EventEmitter {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = ++ports;
  readonly localAddress = "127.0.0.1";
  readonly localPort = 80;
  readonly bytesRead = 0;
  destroyed = false;

  get socket(): Socket {
    return this as unknown as Socket;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }

  destroySoon(): void {
    this.destroy();
  }
}

const joined = (most: number, count: number) => {
  const clock = new FakeClock();
  const told: string[] = [];
  const crowd = new Crowd({ clock, most, full: (limit, closed) => told.push(`${limit} ${closed}`) });
  const visitors = Array.from({ length: count }, () => new Visitor());
  for (const each of visitors) crowd.join(each.socket);
  const join = () => {
    const visitor = new Visitor();
    crowd.join(visitor.socket);
    return visitor;
  };
  const gone = () => visitors.flatMap(({ destroyed }, i) => (destroyed ? [i] : []));
  const attendances = visitors.map((each) => crowd.attendanceOf(each.socket));
  return { crowd, clock, told, visitors, join, gone, attendances };
};

it("lets go of whoever has been without a request for longest, and of nobody who has one", () => {
  const { crowd, join, gone, attendances, told } = joined(4, 4);
  const [first, second, third] = attendances;
  first?.busy();
  third?.busy();
  second?.busy();
  second?.rested();
  const newcomer = join(); // the fourth has been at rest since it came
  expect(gone()).toEqual([3]);
  crowd.attendanceOf(newcomer.socket)?.busy();
  third?.rested();
  join();
  join();
  expect(gone()).toEqual([1, 2, 3]);
  expect(told).toEqual(Array(3).fill("limits.visitors idle"));
});

it("counts from when a connection came, not from when its handshake was over, and once", () => {
  const { crowd, join, gone, visitors, attendances } = joined(2, 2);
  for (const each of visitors) crowd.secured(each.socket);
  attendances[0]?.busy();
  attendances[1]?.busy();
  expect(join().destroyed).toBe(true);
  attendances[1]?.rested();
  attendances[0]?.rested();
  for (const each of visitors) crowd.secured(each.socket);
  join();
  expect(gone()).toEqual([1]);
});

it("takes nobody while all are busy, and somebody again when one is not", () => {
  const { join, gone, attendances } = joined(2, 2);
  for (const each of attendances) each?.busy();
  expect(join().destroyed).toBe(true);
  attendances[1]?.rested();
  expect(join().destroyed).toBe(false);
  expect(gone()).toEqual([1]);
});

it("forgets who has gone, whatever is told of its requests afterwards", () => {
  const { crowd, join, gone, visitors, attendances } = joined(2, 2);
  attendances[0]?.busy();
  visitors[0]?.destroy();
  attendances[0]?.rested();
  expect(crowd.attendanceOf((visitors[0] as Visitor).socket)).toBeUndefined();
  const inItsPlace = join();
  expect(gone()).toEqual([0]);
  join();
  expect(gone()).toEqual([0, 1]);
  join();
  expect(inItsPlace.destroyed).toBe(true);
});

it("ends those without a request when it drains, and the others when they have none any more", async () => {
  const { crowd, clock, gone, attendances } = joined(3, 3);
  attendances[1]?.busy();
  crowd.drain();
  await clock.advance(60_000);
  await new Promise(setImmediate);
  expect(gone()).toEqual([0, 2]);
  attendances[1]?.rested();
  await clock.advance(60_000);
  await new Promise(setImmediate);
  expect(gone()).toEqual([0, 1, 2]);
});
