// What the memory transport can do beyond the promises in transport.test.ts: time, fullness and faults.
import { describe, expect, it } from "vitest";
import { CLOSE_MS } from "../../protocol/transport/transport.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { hear } from "./hear.ts";
import { memoryPair } from "./memory-transport.ts";
import { Random } from "./random.ts";

const texts = (messages: readonly Buffer[]): string[] => messages.map(String);

describe("a memory wire without a clock", () => {
  it("delivers later, never from inside send", async () => {
    const [one, two] = memoryPair();
    const heard = hear(two);
    one.send(Buffer.from("hello"));
    expect(heard.messages).toEqual([]);
    await settle();
    expect(texts(heard.messages)).toEqual(["hello"]);
  });

  it("keeps the order of what arrives while listening begins", async () => {
    const [one, two] = memoryPair();
    one.send(Buffer.from("a"));
    await settle();
    one.send(Buffer.from("b"));
    const heard = hear(two);
    await settle();
    expect(texts(heard.messages)).toEqual(["a", "b"]);
  });

  it("shares no memory between the ends", async () => {
    const [one, two] = memoryPair();
    const heard = hear(two);
    const message = Buffer.from("hello");
    one.send(message);
    message.fill(0);
    await settle();
    expect(texts(heard.messages)).toEqual(["hello"]);
  });

  it("proves its key to both ends", () => {
    const [dialler, listener] = memoryPair({ keyId: "edge-1" });
    expect([dialler.peer.keyId, listener.peer.keyId]).toEqual(["edge-1", "edge-1"]);
  });

  it("cannot take time", () => {
    expect(() => memoryPair({ delayMs: 5 })).toThrow("needs a clock");
    expect(() => memoryPair({ bytesPerSecond: 5 })).toThrow("needs a clock");
  });
});

describe("a memory wire with a clock", () => {
  it("delays each way by delayMs", async () => {
    const clock = new FakeClock();
    const [one, two] = memoryPair({ clock, delayMs: 40 });
    const heard = hear(two, () => one.peer && two.send(Buffer.from("back")));
    const back = hear(one);
    one.send(Buffer.from("there"));
    await clock.advance(39);
    expect(heard.messages).toEqual([]);
    await clock.advance(1);
    expect(texts(heard.messages)).toEqual(["there"]);
    await clock.advance(39);
    expect(back.messages).toEqual([]);
    await clock.advance(1);
    expect(texts(back.messages)).toEqual(["back"]);
  });

  it("sends at bytesPerSecond, one message after the other", async () => {
    const clock = new FakeClock();
    const [one, two] = memoryPair({ clock, delayMs: 10, bytesPerSecond: 100_000 });
    const heard = hear(two);
    one.send(Buffer.alloc(1000)); // 10 ms on the line
    one.send(Buffer.alloc(500)); // 5 ms more
    await clock.advance(19);
    expect(heard.messages).toHaveLength(0);
    await clock.advance(1);
    expect(heard.messages).toHaveLength(1);
    await clock.advance(4);
    expect(heard.messages).toHaveLength(1);
    await clock.advance(1);
    expect(heard.messages).toHaveLength(2);
  });

  it("gives up an orderly close that the wire does not carry, after CLOSE_MS", async () => {
    const clock = new FakeClock();
    const [one, two] = memoryPair({ clock, delayMs: 1 });
    const closing = hear(one);
    const staying = hear(two);
    one.faults.stall();
    one.close("bye");
    await clock.advance(CLOSE_MS - 1);
    expect(closing.reasons).toEqual([]);
    await clock.advance(1);
    expect([closing.reasons, staying.reasons]).toEqual([["bye"], []]);
  });

  it("leaves no timer after a close that was carried", async () => {
    const clock = new FakeClock();
    const [one, two] = memoryPair({ clock, delayMs: 1 });
    hear(two);
    hear(one);
    one.close("bye");
    await clock.advance(1);
    expect(clock.timers).toBe(0);
  });
});

describe("a full memory wire", () => {
  it("counts as queued what is above wireBytes, and tells when that is gone, once", async () => {
    const [one, two] = memoryPair({ wireBytes: 100 });
    const sending = hear(one);
    const heard = hear(two);
    one.faults.stall();
    one.send(Buffer.alloc(100));
    expect(one.queuedBytes).toBe(0);
    one.send(Buffer.alloc(1));
    expect(one.queuedBytes).toBe(1);
    await settle();
    expect([one.queuedBytes, sending.drains]).toEqual([1, 0]);
    one.faults.resume();
    await settle();
    expect([one.queuedBytes, sending.drains, heard.messages.length]).toEqual([0, 1, 2]);
  });

  it("tells of no drain when nothing was queued", async () => {
    const [one, two] = memoryPair({ wireBytes: 100 });
    const sending = hear(one);
    hear(two);
    one.send(Buffer.alloc(100));
    await settle();
    expect(sending.drains).toBe(0);
  });
});

describe("a memory wire's faults", () => {
  const pair = () => {
    const [one, two] = memoryPair();
    return { one, heard: hear(two), sending: hear(one) };
  };
  const sendAll = async (to: { send(message: Uint8Array): void }, ...messages: string[]) => {
    for (const message of messages) to.send(Buffer.from(message));
    await settle();
  };

  it("stall holds back, resume delivers in order, and the other direction goes on", async () => {
    const [one, two] = memoryPair();
    const [here, there] = [hear(one), hear(two)];
    one.faults.stall();
    await sendAll(one, "a", "b");
    await sendAll(two, "other way");
    expect([texts(there.messages), texts(here.messages)]).toEqual([[], ["other way"]]);
    one.faults.resume();
    await sendAll(one, "c");
    expect(texts(there.messages)).toEqual(["a", "b", "c"]);
  });

  it("loseAfter loses later messages and the end itself", async () => {
    const { one, heard, sending } = pair();
    await sendAll(one, "a");
    one.faults.loseAfter(1);
    await sendAll(one, "b", "c", "d");
    one.destroy("gone");
    await settle();
    expect([texts(heard.messages), heard.reasons, sending.reasons]).toEqual([["a", "b"], [], ["gone"]]);
  });

  it("cutAfter breaks the connection for both ends after so many messages", async () => {
    const { one, heard, sending } = pair();
    one.faults.cutAfter(2);
    await sendAll(one, "a", "b", "c");
    expect(texts(heard.messages)).toEqual(["a", "b"]);
    expect([heard.reasons, sending.reasons]).toEqual([
      ["the connection was lost"],
      ["the connection was lost"],
    ]);
  });

  it("cut loses what is under way", async () => {
    const { one, heard } = pair();
    one.send(Buffer.from("a"));
    one.faults.cut();
    await settle();
    expect([texts(heard.messages), heard.reasons]).toEqual([[], ["the connection was lost"]]);
  });

  it("corrupt changes the nth message from now, and that one only", async () => {
    const { one, heard } = pair();
    await sendAll(one, "a");
    one.faults.corrupt(2, (message) => Buffer.concat([message, Buffer.from("!")]));
    await sendAll(one, "b", "c", "d");
    expect(texts(heard.messages)).toEqual(["a", "b", "c!", "d"]);
  });
});

describe("faults of a line, in memory", () => {
  it("a direction is lost, and the other is not", async () => {
    const [one, two] = memoryPair();
    const [there, back] = [hear(two), hear(one)];
    one.faults.lose();
    one.send(Buffer.from("lost"));
    two.send(Buffer.from("back"));
    await settle();
    expect([texts(there.messages), texts(back.messages)]).toEqual([[], ["back"]]);
  });

  it("two links of different delay reorder what is sent on both, and each keeps its own order", async () => {
    const clock = new FakeClock();
    const heard: string[] = [];
    const links = [30, 10].map((delayMs) => {
      const [one, two] = memoryPair({ clock });
      one.faults.slow({ delayMs });
      hear(two, (message) => heard.push(String(message)));
      return one;
    });
    for (const text of ["1", "2"])
      for (const [n, link] of links.entries()) link.send(Buffer.from(`${n}-${text}`));
    links[0]?.faults.slow({});
    links[0]?.send(Buffer.from("0-3"));
    await clock.advance(30);
    expect(heard).toEqual(["1-1", "1-2", "0-1", "0-2", "0-3"]);
  });

  it("a cut within a message breaks the connection for both, and nothing of that message arrives", async () => {
    const [one, two] = memoryPair();
    const [there, back] = [hear(two), hear(one)];
    one.faults.cutAfterBytes(7);
    for (const text of ["first", "second", "third"]) one.send(Buffer.from(text));
    await settle();
    expect(texts(there.messages)).toEqual(["first"]);
    expect([there.reasons, back.reasons].map(({ length }) => length)).toEqual([1, 1]);
  });

  it("flips as many bits as asked for, the same ones of the same seed", async () => {
    const flips = async (seed: number): Promise<Buffer> => {
      const [one, two] = memoryPair();
      const heard = hear(two);
      two.setMaxMessageBytes(20_000);
      one.faults.flip(100, new Random(seed).next);
      one.send(Buffer.alloc(20_000));
      await settle();
      return Buffer.concat(heard.messages);
    };
    const [once, again, other] = [await flips(1), await flips(1), await flips(2)];
    expect(once.equals(again)).toBe(true);
    expect(once.equals(other)).toBe(false);
    const changed = [...once].filter((byte) => byte !== 0);
    expect(changed.length).toBeGreaterThan(120);
    expect(changed.length).toBeLessThan(300);
    expect(
      changed.every((byte) => (byte & (byte - 1)) === 0),
      "one bit of a byte",
    ).toBe(true);
  });
});
