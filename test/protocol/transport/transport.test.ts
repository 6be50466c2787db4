// What every transport promises, over every kind of wire there is.
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  CLOSE_REASON_BYTES,
  clipReason,
  FIRST_MESSAGE_BYTES,
  MAX_MESSAGE_BYTES,
  type Transport,
} from "../../../protocol/transport/transport.ts";
import { settle } from "../../kit/fake-clock.ts";
import { hear } from "../../kit/hear.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { memoryPair } from "../../kit/memory-transport.ts";
import { seeded } from "../../kit/random.ts";
import {
  certificateSecurity,
  dialTunnel,
  type MatchingSecurity,
  openTunnel,
  plainSecurity,
  pskSecurity,
} from "../../kit/tunnel.ts";

watchLeaks();

interface Pair extends AsyncDisposable {
  readonly dialler: Transport;
  readonly listener: Transport;
}

const overSockets = async (security: MatchingSecurity): Promise<Pair> => {
  const tunnel = await openTunnel(security.listen);
  const [dialler, listener] = await Promise.all([dialTunnel(tunnel.port, security.dial), tunnel.accepted()]);
  return {
    dialler,
    listener,
    [Symbol.asyncDispose]: async () => {
      dialler.destroy("end of test");
      await tunnel[Symbol.asyncDispose]();
    },
  };
};

const overMemory = async (): Promise<Pair> => {
  const [dialler, listener] = memoryPair({ exporterSecret: Buffer.from("of this pair") });
  return { dialler, listener, [Symbol.asyncDispose]: async () => dialler.destroy("end of test") };
};

const WIRES = [
  { wire: "memory", open: overMemory, exports: true },
  { wire: "plain WebSocket", open: () => overSockets(plainSecurity()), exports: false },
  { wire: "PSK WebSocket", open: () => overSockets(pskSecurity()), exports: true },
  { wire: "certificate WebSocket", open: () => overSockets(certificateSecurity()), exports: true },
] as const;

/** More turns of the event loop than loopback needs; were it ever too few, a test would pass too easily, not fail. */
const TURNS_TO_CROSS = 200;

const DIRECTIONS = [
  { from: "dialler", to: "listener" },
  { from: "listener", to: "dialler" },
] as const;

describe.each(WIRES)("a transport over $wire", ({ open, exports }) => {
  describe.each(DIRECTIONS)("from $from to $to", ({ from, to }) => {
    it("delivers whole messages in order, bytes intact", async () => {
      await using pair = await open();
      const random = seeded();
      const heard = hear(pair[to]);
      hear(pair[from]);
      pair[to].setMaxMessageBytes(MAX_MESSAGE_BYTES);
      const sizes = [1, 0, 125, 126, 1023, 65_535, 65_536, MAX_MESSAGE_BYTES, 7];
      const sent = sizes.map((size) => random.bytes(size));
      for (const message of sent) pair[from].send(Buffer.from(message));
      expect(await heard.messagesReach(sent.length)).toEqual(sent);
    });

    it("holds what arrives until someone listens", async () => {
      await using pair = await open();
      hear(pair[from]);
      pair[from].send(Buffer.from("early"));
      pair[from].send(Buffer.from("bird"));
      for (let turn = 0; turn < TURNS_TO_CROSS; turn++) await settle();
      const heard = hear(pair[to]);
      expect((await heard.messagesReach(2)).map(String)).toEqual(["early", "bird"]);
    });

    it("delivers what was sent before close, then the reason, exactly once on both ends", async () => {
      await using pair = await open();
      const [leaving, staying] = [hear(pair[from]), hear(pair[to])];
      pair[to].setMaxMessageBytes(MAX_MESSAGE_BYTES);
      for (let nth = 0; nth < 50; nth++) pair[from].send(Buffer.alloc(20_000, nth));
      pair[from].close("going home");
      pair[from].close("twice");
      expect(await staying.closed()).toBe("going home");
      expect(await leaving.closed()).toBe("going home");
      expect(staying.messages).toHaveLength(50);
      pair[from].destroy("late");
      pair[to].destroy("late");
      await settle();
      expect([leaving.reasons, staying.reasons]).toEqual([["going home"], ["going home"]]);
    });

    it("closes in order without anyone ever listening", async () => {
      await using pair = await open();
      vi.useFakeTimers({ toFake: ["setTimeout"] }); // no end by ws's own time limit
      onTestFinished(() => void vi.useRealTimers());
      const staying = hear(pair[to]);
      pair[from].close("unheard");
      expect(await staying.closed()).toBe("unheard");
    });

    it("sends the end of a long reason cut between characters", async () => {
      await using pair = await open();
      const staying = hear(pair[to]);
      hear(pair[from]);
      pair[from].close("é".repeat(CLOSE_REASON_BYTES));
      expect(await staying.closed()).toBe("é".repeat(CLOSE_REASON_BYTES / 2));
    });

    it("destroy tells its own reason here and a lost connection there, and nothing more is delivered", async () => {
      await using pair = await open();
      const [leaving, staying] = [hear(pair[from]), hear(pair[to])];
      pair[to].send(Buffer.from("on the way"));
      pair[from].destroy("enough");
      expect(leaving.reasons).toEqual([]); // never from inside destroy
      expect(await leaving.closed()).toBe("enough");
      expect(await staying.closed()).toMatch(/^the connection was lost/);
      expect(leaving.messages).toEqual([]);
      expect([leaving.reasons.length, staying.reasons.length]).toEqual([1, 1]);
    });

    it("delivers no message after close was called here", async () => {
      await using pair = await open();
      const closing = hear(pair[from], () => pair[from].close("one was enough"));
      hear(pair[to]);
      for (const text of ["one", "two", "three"]) pair[to].send(Buffer.from(text));
      await closing.closed();
      expect(closing.messages.map(String)).toEqual(["one"]);
    });

    it("takes a first message of exactly the first bound", async () => {
      await using pair = await open();
      const heard = hear(pair[to]);
      hear(pair[from]);
      pair[from].send(Buffer.alloc(FIRST_MESSAGE_BYTES));
      expect((await heard.messagesReach(1))[0]).toHaveLength(FIRST_MESSAGE_BYTES);
    });

    it("closes on a first message one byte above the first bound, and says so to both", async () => {
      await using pair = await open();
      const [sending, receiving] = [hear(pair[from]), hear(pair[to])];
      pair[from].send(Buffer.alloc(FIRST_MESSAGE_BYTES + 1));
      expect(await receiving.closed()).toBe(
        "a message of 1025 bytes is larger than the 1024 bytes allowed here",
      );
      expect(await sending.closed()).toBe(
        "a message of 1025 bytes is larger than the 1024 bytes allowed here",
      );
      expect(receiving.messages).toEqual([]);
    });

    it("obeys a raised bound at its edge", async () => {
      await using pair = await open();
      const receiving = hear(pair[to]);
      hear(pair[from]);
      pair[to].setMaxMessageBytes(5000);
      pair[from].send(Buffer.alloc(5000));
      await receiving.messagesReach(1);
      pair[from].send(Buffer.alloc(5001));
      expect(await receiving.closed()).toBe(
        "a message of 5001 bytes is larger than the 5000 bytes allowed here",
      );
    });

    it("takes a large message that follows in the same turn the one that proves the peer", async () => {
      await using pair = await open();
      const receiving = hear(pair[to], () => pair[to].setMaxMessageBytes(20_000));
      hear(pair[from]);
      pair[from].send(Buffer.from("proof"));
      pair[from].send(Buffer.alloc(20_000));
      expect((await receiving.messagesReach(2)).map((message) => message.length)).toEqual([5, 20_000]);
    });

    it("closes on a message above the highest bound there is", async () => {
      await using pair = await open();
      const receiving = hear(pair[to]);
      hear(pair[from]);
      pair[to].setMaxMessageBytes(MAX_MESSAGE_BYTES);
      pair[from].send(Buffer.alloc(MAX_MESSAGE_BYTES + 1));
      expect(await receiving.closed()).toMatch(/larger than the 131072 bytes|Max payload size exceeded/);
      expect(receiving.messages).toEqual([]);
    });
  });

  it("ignores what is sent after the end, and reports nothing queued", async () => {
    await using pair = await open();
    const heard = hear(pair.dialler);
    hear(pair.listener);
    pair.dialler.close("done");
    pair.dialler.send(Buffer.alloc(100));
    await heard.closed();
    pair.dialler.send(Buffer.alloc(100));
    expect(pair.dialler.queuedBytes).toBe(0);
  });

  it("tells of an end that came before anyone listened", async () => {
    await using pair = await open();
    const there = hear(pair.listener);
    pair.dialler.destroy("unheard");
    await there.closed();
    await settle();
    expect(await hear(pair.dialler).closed()).toBe("unheard");
  });

  it("refuses a bound of nothing, of a fraction, and above the highest", async () => {
    await using pair = await open();
    for (const bound of [0, -1, 1.5, Number.NaN, MAX_MESSAGE_BYTES + 1]) {
      expect(() => pair.dialler.setMaxMessageBytes(bound), String(bound)).toThrow(RangeError);
    }
  });

  it(
    exports ? "exports the same key on both ends, another per label and per connection" : "exports no key",
    async () => {
      await using pair = await open();
      const here = pair.dialler.exportKey("EXPORTER-coilgun-test", 32);
      expect(pair.listener.exportKey("EXPORTER-coilgun-test", 32)).toEqual(here);
      if (!exports) {
        expect(here).toBeUndefined();
        return;
      }
      expect(here).toHaveLength(32);
      expect(pair.dialler.exportKey("EXPORTER-coilgun-other", 32)).not.toEqual(here);
      const gone = hear(pair.dialler);
      pair.dialler.destroy("done");
      await gone.closed();
      expect(pair.dialler.exportKey("EXPORTER-coilgun-test", 32)).toBeUndefined();
    },
  );
});

it("exports another key for another TLS connection of the same shared key", async () => {
  const security = pskSecurity();
  await using tunnel = await openTunnel(security.listen);
  const one = await dialTunnel(tunnel.port, security.dial);
  const two = await dialTunnel(tunnel.port, security.dial);
  expect(one.exportKey("EXPORTER-coilgun-test", 32)).not.toEqual(two.exportKey("EXPORTER-coilgun-test", 32));
  one.destroy("done");
  two.destroy("done");
});

describe("clipReason", () => {
  it.each([
    { why: "short", clipped: "short" },
    { why: "x".repeat(120), clipped: "x".repeat(120) },
    { why: "x".repeat(121), clipped: "x".repeat(120) },
    { why: `${"x".repeat(119)}é`, clipped: "x".repeat(119) },
    { why: `${"x".repeat(118)}é`, clipped: `${"x".repeat(118)}é` },
    { why: `${"x".repeat(117)}🦊`, clipped: "x".repeat(117) },
    { why: `${"x".repeat(116)}🦊y`, clipped: `${"x".repeat(116)}🦊` },
  ])("$why.length characters", ({ why, clipped }) => {
    expect(clipReason(why)).toBe(clipped);
  });
});
