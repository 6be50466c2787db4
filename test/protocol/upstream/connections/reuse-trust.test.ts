// What a web server gets on a connection that it has served before: anything once it has proven that it keeps its connections, and
// nothing where it broke its word.
import { describe, expect, it } from "vitest";
import { LONG_WAIT_MS } from "../../../../protocol/upstream/connections/lately-used.ts";
import { WATCH_EVERY_MS, WATCHED_MS } from "../../../../protocol/upstream/connections/resting-connections.ts";
import {
  BARRED_MS,
  LEAST_PROOFS,
  PROVEN_AGE_MS,
  ReuseTrust,
  STAYS_IN_A_PROOF,
} from "../../../../protocol/upstream/connections/reuse-trust.ts";
import { earnedTrust } from "../../../kit/earned-trust.ts";
import { FakeClock, settle } from "../../../kit/fake-clock.ts";
import { watchLeaks } from "../../../kit/leaks.ts";
import { OK, type RawConnection, RawOrigin } from "../../../kit/raw-origin.ts";
import { until } from "../../../kit/until.ts";
import { ask, heard, routeTo, TestClient } from "../../asking.ts";

watchLeaks();

const MUST_NOT_REPEAT = ["POST", "PUT", "DELETE", "PATCH"] as const;
const EARLY = PROVEN_AGE_MS;
const LATE = PROVEN_AGE_MS + 1;

class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly lines: unknown[] = [];
  readonly trust: ReuseTrust;
  readonly origin: RawOrigin;
  readonly client: TestClient;

  private constructor(origin: RawOrigin, trusts: boolean) {
    this.trust = trusts ? earnedTrust(this.clock) : new ReuseTrust(this.clock);
    this.origin = origin;
    this.client = new TestClient(routeTo(origin.port, { restMs: 60_000 }), {
      clock: this.clock,
      trust: this.trust,
      log: { warn: (event, fields) => this.lines.push({ event, ...fields }) },
    });
  }

  static async open({ trusts = false } = {}): Promise<Bench> {
    return new Bench(await RawOrigin.listen(), trusts);
  }

  /** One exchange, on this connection or, where that is not used, on the next; returns the one that it was on and the request's head. */
  async exchange(method: string, kept?: RawConnection) {
    const before = this.origin.count;
    const asked = ask(this.client, method);
    await until(() => this.origin.count > before || (kept?.unread ?? "") !== "", "the request");
    const connection = this.origin.count > before ? await this.origin.next() : (kept as RawConnection);
    const head = await connection.head();
    connection.write(OK());
    expect((await heard(asked)).body).toBe("hello");
    await settle();
    return { connection, head };
  }

  /** A connection at rest whose web server is trusted. */
  async proven(): Promise<RawConnection> {
    const { connection } = await this.exchange("GET");
    await this.clock.advance(LATE);
    for (let i = 0; i < LEAST_PROOFS; i++) await this.exchange("GET", connection);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.origin[Symbol.asyncDispose]();
  }
}

describe("what must not be repeated", () => {
  it.each(MUST_NOT_REPEAT)(
    "goes out on a new connection that says so, until trust is earned: %s",
    async (method) => {
      await using bench = await Bench.open();
      const { connection } = await bench.exchange("GET");
      // One in a second is kept to be watched.
      const watched = await bench.exchange(method, connection);
      const fresh = await bench.exchange(method, watched.connection);
      expect(new Set([connection, watched.connection, fresh.connection]).size).toBe(3);
      expect(fresh.head).toContain("Connection: close");
      await bench.exchange("GET", watched.connection);
      expect(bench.origin.count).toBe(3);
    },
  );

  it.each(MUST_NOT_REPEAT)("goes out on a kept one afterwards: %s", async (method) => {
    await using bench = await Bench.open();
    const connection = await bench.proven();
    const kept = await bench.exchange(method, connection);
    expect(kept.connection).toBe(connection);
    expect(kept.head).toContain("Connection: keep-alive");
    expect(bench.origin.count).toBe(1);
  });

  it("is not trusted to connections that never grew older than what comes late", async () => {
    await using bench = await Bench.open();
    const { connection } = await bench.exchange("GET");
    await bench.clock.advance(EARLY);
    for (let i = 0; i <= LEAST_PROOFS; i++) await bench.exchange("GET", connection);
    expect((await bench.exchange("POST", connection)).connection).not.toBe(connection);
  });
});

describe("a web server that is only posted to", () => {
  /** A POST, which is kept if it is to be watched, and what its web server does for so long. */
  const posts = async (bench: Bench, forMs: number): Promise<RawConnection> => {
    const { connection, head } = await bench.exchange("POST");
    expect(head).toContain("Connection: keep-alive");
    await bench.clock.advance(forMs);
    return connection;
  };

  it("has proven itself when enough connections have stayed open for longer than they would be used again", async () => {
    await using bench = await Bench.open();
    for (let i = 0; i < LEAST_PROOFS * STAYS_IN_A_PROOF; i++) {
      expect(bench.trust.isEarned).toBe(false);
      await posts(bench, WATCH_EVERY_MS);
    }
    const { connection } = await bench.exchange("POST");
    expect(bench.trust.isEarned).toBe(true);
    expect((await bench.exchange("POST", connection)).connection).toBe(connection);
  });

  it("keeps one in a second to be watched, on which nothing follows that must not be repeated", async () => {
    await using bench = await Bench.open();
    const kept = await posts(bench, WATCHED_MS - 1);
    for (let i = 0; i < 3; i++) {
      const { connection, head } = await bench.exchange("POST");
      expect([connection === kept, head.includes("Connection: close")]).toEqual([false, true]);
    }
    await bench.clock.advance(WATCH_EVERY_MS - WATCHED_MS);
    expect((await bench.exchange("POST")).head).toContain("Connection: close");
    await bench.clock.advance(1);
    expect((await bench.exchange("POST")).head).toContain("Connection: keep-alive");
    expect(kept.socket.destroyed || (await kept.over) === "end").toBe(true);
  });

  it("proves nothing by a connection that it closes, or that was used meanwhile", async () => {
    await using bench = await Bench.open();
    for (let i = 0; i < LEAST_PROOFS * STAYS_IN_A_PROOF; i++) {
      const kept = await posts(bench, EARLY);
      if (i % 2 === 0) kept.end();
      else await bench.exchange("GET", kept);
      await bench.clock.advance(WATCHED_MS);
      kept.end();
      await kept.closed;
      await bench.clock.advance(WATCH_EVERY_MS - WATCHED_MS);
    }
    await bench.exchange("POST");
    expect(bench.trust.isEarned).toBe(false);
  });

  it("is watched more rarely where a connection had to give its place up", async () => {
    await using bench = await Bench.open();
    const kept = await posts(bench, 0);
    const slow = ask(bench.client, "POST");
    const waiting = await bench.origin.next();
    await waiting.head();
    await bench.clock.advance(LONG_WAIT_MS);
    expect(await kept.over).toBe("end");
    waiting.write(OK("", "Connection: close"));
    await heard(slow);
    await bench.clock.advance(WATCH_EVERY_MS);
    expect((await bench.exchange("POST")).head).toContain("Connection: close");
    await bench.clock.advance(WATCH_EVERY_MS);
    await posts(bench, 0);
  });

  it("that broke a connection when it was used again proves nothing by such for 10 minutes", async () => {
    const clock = new FakeClock();
    const trust = new ReuseTrust(clock);
    const stay = () => {
      for (let i = 0; i < 10_000; i++) trust.stayed();
    };
    trust.brokeInUse();
    trust.broken();
    stay();
    expect([trust.isEarned, trust.learnsFromRest]).toEqual([false, false]);
    await clock.advance(BARRED_MS);
    stay();
    expect(trust.isEarned).toBe(true);
  });
});

describe("a web server that closes a connection", () => {
  const closeAfter = async (restMs: number) => {
    const bench = await Bench.open({ trusts: true });
    const { connection } = await bench.exchange("GET");
    await bench.clock.advance(restMs);
    connection.end();
    await connection.closed;
    await settle();
    return bench;
  };

  it("a moment after its response has to earn trust anew", async () => {
    await using bench = await closeAfter(EARLY);
    const { connection } = await bench.exchange("GET");
    expect((await bench.exchange("POST", connection)).connection).not.toBe(connection);
  });

  it("after it had rested keeps it", async () => {
    await using bench = await closeAfter(LATE);
    const { connection } = await bench.exchange("GET");
    expect((await bench.exchange("POST", connection)).connection).toBe(connection);
  });

  it("at its second request, without a word, has to earn trust anew; the request is asked again", async () => {
    await using bench = await Bench.open({ trusts: true });
    const { connection } = await bench.exchange("GET");
    const again = ask(bench.client);
    await connection.head();
    connection.socket.destroy();
    const next = await bench.origin.next();
    await next.head();
    next.write(OK());
    expect((await heard(again)).body).toBe("hello");
    await settle();
    expect((await bench.exchange("POST", next)).connection).not.toBe(next);
  });

  it("has to prove more each time", () => {
    const clock = new FakeClock();
    const trust = earnedTrust(clock);
    let before = 0;
    for (let times = 0; times < 3; times++) {
      trust.broken();
      let proofs = 0;
      for (; !trust.isEarned; proofs++) trust.proven();
      expect(proofs).toBeGreaterThan(before);
      before = proofs;
    }
  });
});

describe("what comes behind a response, late,", () => {
  const REST = "</html>\r\n";

  it("while its connection rests: no connection is used again, and the log says so once", async () => {
    await using bench = await Bench.open({ trusts: true });
    const { connection } = await bench.exchange("GET");
    const other = ask(bench.client);
    const third = ask(bench.client);
    const [, second] = [await connection.head(), await bench.origin.next()];
    connection.write(OK());
    await second.head();
    second.write(OK());
    await Promise.all([heard(other), heard(third)]);
    await settle();
    connection.write(REST);
    await Promise.all([connection.over, second.over]);
    for (let i = 0; i < 3; i++) {
      const { head } = await bench.exchange("GET");
      expect(head).toContain("Connection: close");
    }
    expect(bench.lines).toEqual([
      { event: "web server sent more than its responses", server: expect.stringContaining("127.0.0.1") },
    ]);
    await bench.clock.advance(BARRED_MS);
    const kept = await bench.exchange("GET");
    expect((await bench.exchange("GET", kept.connection)).connection).toBe(kept.connection);
  });

  it("is no answer to the next request, which is asked again where it may be", async () => {
    await using bench = await Bench.open({ trusts: true });
    const { connection } = await bench.exchange("GET");
    const next = ask(bench.client);
    await connection.head();
    connection.write(REST);
    const fresh = await bench.origin.next();
    await fresh.head();
    fresh.write(OK());
    expect((await heard(next)).body).toBe("hello");
    expect((await bench.exchange("GET", fresh)).connection).not.toBe(fresh);
  });

  it("is a failure where it may not, and asked once", async () => {
    await using bench = await Bench.open({ trusts: true });
    const { connection } = await bench.exchange("GET");
    const next = ask(bench.client, "POST");
    await connection.head();
    connection.write(REST);
    await expect(next.response).rejects.toMatchObject({ code: "origin-failed" });
    expect(bench.origin.count).toBe(1);
  });

  it("is a failure on a new connection", async () => {
    await using bench = await Bench.open({ trusts: true });
    const first = ask(bench.client);
    (await bench.origin.next()).write(REST);
    await expect(first.response).rejects.toMatchObject({ code: "origin-failed" });
    expect(bench.origin.count).toBe(1);
  });
});

describe("408 on a connection that had rested", () => {
  const TIMED_OUT = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

  it("is none to a request that may be asked again", async () => {
    await using bench = await Bench.open({ trusts: true });
    const { connection } = await bench.exchange("GET");
    const next = ask(bench.client);
    await connection.head();
    connection.end(TIMED_OUT);
    const fresh = await bench.origin.next();
    await fresh.head();
    fresh.end(TIMED_OUT);
    expect((await heard(next)).head.status).toBe(408);
    expect(bench.origin.count).toBe(2);
  });

  it("goes on where the request may not be", async () => {
    await using bench = await Bench.open({ trusts: true });
    const { connection } = await bench.exchange("GET");
    const next = ask(bench.client, "POST");
    await connection.head();
    connection.end(TIMED_OUT);
    expect((await heard(next)).head.status).toBe(408);
    expect(bench.origin.count).toBe(1);
  });
});

describe("how much it takes", () => {
  const broken = (times: number): ReuseTrust => {
    const trust = new ReuseTrust(new FakeClock());
    for (let i = 0; i < times; i++) trust.broken();
    return trust;
  };

  it.each([
    [0, 2],
    [1, 8],
    [2, 32],
    [4, 512],
    [5, 1_024],
    [9, 1_024],
  ])("of a web server that broke its word %i times: %i answers", (times, proofs) => {
    const trust = broken(times);
    for (let i = 1; i < proofs; i++) trust.proven();
    expect(trust.isEarned).toBe(false);
    trust.proven();
    expect(trust.isEarned).toBe(true);
  });

  it("four connections that stayed open for one answer", () => {
    const trust = broken(0);
    for (let i = 1; i < 8; i++) trust.stayed();
    expect(trust.isEarned).toBe(false);
    trust.stayed();
    expect(trust.isEarned).toBe(true);
  });

  it("ten minutes after what came for nobody, whatever is proven meanwhile", async () => {
    const clock = new FakeClock();
    const trust = new ReuseTrust(clock);
    expect(trust.spoilt()).toBe(true);
    for (let i = 0; i < 8; i++) trust.proven();
    await clock.advance(599_999);
    expect([trust.isBarred, trust.isEarned, trust.spoilt()]).toEqual([true, false, false]);
    for (let i = 0; i < 32; i++) trust.proven();
    await clock.advance(600_000);
    expect([trust.isBarred, trust.isEarned]).toEqual([false, true]);
  });
});
