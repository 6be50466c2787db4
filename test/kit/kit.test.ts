// The test kit itself: a fake clock that lies, or a leak check that sees nothing, would make other tests worthless.
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { DeadlineError } from "../../protocol/runtime/clock.ts";
import { makeAuthority } from "./certificates.ts";
import { Differences } from "./differences.ts";
import { FakeClock } from "./fake-clock.ts";
import { leakedSince, openResources, settledLeaks } from "./leaks.ts";
import { Random } from "./random.ts";
import { tlsRecords } from "./wire-tap.ts";

it("finds differences, each where it was", () => {
  const differences = new Differences();
  differences.check(7, 7, 1);
  differences.check(Number.NaN, Number.NaN, 2);
  differences.check(undefined, 0, 3);
  differences.check("a", "b", "the name");
  expect(differences.found).toEqual(["3: undefined, not 0", "the name: a, not b"]);
});

describe("FakeClock", () => {
  it("runs timers in the order of their time, then of their setting, at their time", async () => {
    const clock = new FakeClock(1000);
    const ran: string[] = [];
    for (const [name, ms] of [
      ["b", 20],
      ["c", 20],
      ["a", 10],
      ["later", 31],
    ] as const) {
      clock.after(ms, () => ran.push(`${name}@${clock.now()}`));
    }
    await clock.advance(30);
    expect(ran).toEqual(["a@1010", "b@1020", "c@1020"]);
    expect([clock.now(), clock.timers]).toEqual([1030, 1]);
  });

  it("runs what a timer sets, if it falls due on the way, after promises have settled", async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    clock.after(10, async () => {
      ran.push("first");
      await Promise.resolve();
      await Promise.resolve();
      clock.after(10, () => ran.push("second"));
    });
    clock.after(15, () => ran.push("between"));
    await clock.advance(20);
    expect(ran).toEqual(["first", "between", "second"]);
  });

  it("does not run a cancelled timer, and cancelling twice takes no other with it", async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const timer = clock.after(10, () => ran.push("cancelled"));
    clock.after(10, () => ran.push("kept"));
    timer.cancel();
    timer.cancel();
    await clock.advance(10);
    expect(ran).toEqual(["kept"]);
  });

  it("drives sleep and within", async () => {
    const clock = new FakeClock();
    const slept = clock.sleep(5).then(() => clock.now());
    const late = clock
      .within(3, undefined, (signal) => clock.sleep(100, signal))
      .catch((why: unknown) => why);
    await clock.advance(5);
    expect(await slept).toBe(5);
    expect(await late).toBeInstanceOf(DeadlineError);
    expect(clock.timers).toBe(0);
  });
});

describe("Random", () => {
  it("repeats itself by its seed, and only by it", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return [
        random.next(),
        random.int(1, 6),
        random.bytes(4).toString("hex"),
        random.shuffled([1, 2, 3, 4, 5]),
      ];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it("keeps its bounds and reaches both", () => {
    const random = new Random(1);
    const drawn = new Set(Array.from({ length: 1000 }, () => random.int(1, 6)));
    expect([...drawn].sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(random.shuffled([3, 1, 2]).sort()).toEqual([1, 2, 3]);
  });
});

describe("the leak check", () => {
  it("sees an open server and a set timer, and waits until they are gone", async () => {
    const before = openResources();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const timer = setTimeout(() => {}, 60_000);
    expect(leakedSince(before)).toEqual({ TCPServerWrap: 1, Timeout: 1 });
    clearTimeout(timer);
    server.close();
    expect(await settledLeaks(before)).toEqual({});
  });
});

describe("test certificates", () => {
  it("are signed by their authority, for their names and time", () => {
    const authority = makeAuthority();
    const { certificate, privateKey } = authority.issue({
      name: "edge.test",
      names: ["edge.test", "127.0.0.1"],
    });
    const [leaf, root] = [new X509Certificate(certificate), new X509Certificate(authority.certificate)];
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.verify(new X509Certificate(makeAuthority().certificate).publicKey)).toBe(false);
    expect([leaf.ca, root.ca]).toEqual([false, true]);
    expect(leaf.subjectAltName).toBe("DNS:edge.test, IP Address:127.0.0.1");
    expect([leaf.checkHost("edge.test"), leaf.checkHost("other.test")]).toEqual(["edge.test", undefined]);
    expect(leaf.validFromDate < new Date() && new Date() < leaf.validToDate).toBe(true);
    expect(privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });
});

it("tlsRecords counts whole records", () => {
  const bytes = Buffer.from("1703030002aaaa1603030001bb", "hex");
  expect(tlsRecords(bytes)).toEqual([
    { type: 23, bytes: 7 },
    { type: 22, bytes: 6 },
  ]);
});
