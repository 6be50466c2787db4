import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { dialAddresses, NEXT_ADDRESS_MS } from "../../../protocol/upstream/dial-addresses.ts";
import { UpstreamDialler } from "../../../protocol/upstream/dial-upstream.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { RawOrigin } from "../../kit/raw-origin.ts";
import { routeTo } from "../asking.ts";

watchLeaks();

/** Addresses that connect when the test says so. */
const dialled = (...addresses: string[]) => {
  const clock = new FakeClock();
  const leaving = new AbortController();
  const sockets = new Map<string, Socket>();
  const made = dialAddresses({
    clock,
    addresses,
    signal: leaving.signal,
    connect: (address) => {
      const socket = new Socket();
      sockets.set(address, socket);
      return socket;
    },
  });
  made.catch(() => {});
  return { clock, leaving, made, sockets, tried: () => [...sockets.keys()] };
};

describe("a name with several addresses", () => {
  it("is tried at the next one after a while, and the first is not given up", async () => {
    const { clock, made, sockets, tried } = dialled("a", "b", "c");
    await clock.advance(NEXT_ADDRESS_MS - 1);
    expect(tried()).toEqual(["a"]);
    await clock.advance(1);
    expect(tried()).toEqual(["a", "b"]);
    sockets.get("b")?.destroy(new Error("refused"));
    await settle();
    await settle();
    expect(tried()).toEqual(["a", "b", "c"]);
    sockets.get("a")?.emit("connect");
    expect(await made).toMatchObject({ address: "a" });
    expect([...sockets.values()].map(({ destroyed }) => destroyed)).toEqual([false, true, true]);
    expect(clock.timers).toBe(0);
  });

  it("of which two connect at once keeps one", async () => {
    const { clock, made, sockets } = dialled("a", "b");
    await clock.advance(NEXT_ADDRESS_MS);
    for (const socket of sockets.values()) socket.emit("connect");
    expect(await made).toMatchObject({ address: "a" });
    await settle();
    expect(sockets.get("b")?.destroyed).toBe(true);
    expect(sockets.get("a")?.destroyed).toBe(false);
  });

  it("of which none answers fails with all that was said", async () => {
    const { made, sockets } = dialled("a", "b");
    sockets.get("a")?.destroy(new Error("no a"));
    await settle();
    await settle();
    sockets.get("b")?.destroy(new Error("no b"));
    await expect(made).rejects.toMatchObject({ errors: [{ message: "no a" }, { message: "no b" }] });
  });

  it("leaves nothing behind when it is not wanted any more", async () => {
    const { clock, leaving, made, sockets } = dialled("a", "b");
    leaving.abort(new Error("left"));
    await expect(made).rejects.toThrow("left");
    expect([sockets.get("a")?.destroyed, clock.timers]).toEqual([true, 0]);
  });

  it("is asked for again at each connection, and the address that answered comes first for a minute", async () => {
    await using origin = await RawOrigin.listen();
    const gone = await RawOrigin.listen({ host: "127.0.0.2", port: 0 });
    const clock = new FakeClock();
    const asked: string[] = [];
    const route = routeTo(origin.port, {
      origin: { scheme: "http", address: { host: "web.test", port: origin.port } },
    });
    await gone[Symbol.asyncDispose]();
    const dialler = new UpstreamDialler(route, clock, async (name) => {
      asked.push(name);
      return ["127.0.0.2", "127.0.0.1"];
    });
    for (let i = 0; i < 2; i++) {
      const socket = await dialler.dial({ halfOpen: false });
      expect(socket.remoteAddress).toBe("127.0.0.1");
      socket.destroy();
    }
    expect(asked).toEqual(["web.test", "web.test"]);
  });
});
