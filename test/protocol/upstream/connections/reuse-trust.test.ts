// What a web server gets on a connection that it has served before: anything once it has proven that it keeps its connections, and nothing where it broke its word.
import { describe, expect, it } from "vitest";
import {
  BARRED_MS,
  LEAST_PROOFS,
  PROVEN_AGE_MS,
  ReuseTrust,
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
      const fresh = await bench.exchange(method, connection);
      expect(fresh.connection).not.toBe(connection);
      expect(fresh.head).toContain("Connection: close");
      await bench.exchange("GET", connection);
      expect(bench.origin.count).toBe(2);
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
