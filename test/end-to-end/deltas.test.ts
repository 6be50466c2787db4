/** What the link saves, and whose pages may help to save it: both daemons over TLS with a key, sizes from the access log. */
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startOrigin } from "../../origin-side/run/daemon.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { originConfigOf } from "../kit/daemons.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair, type Pair, type PairOptions } from "../kit/pair.ts";
import { Random, seeded } from "../kit/random.ts";
import { until } from "../kit/until.ts";
import { begin, finish, visit } from "../kit/visits.ts";
import { tapWire, type WireTap } from "../kit/wire-tap.ts";
import { madePage, madeVersions } from "../protocol/codec/made-pages.ts";

watchLeaks();

let pair: Pair;
let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

const opened = async (options: Partial<PairOptions> = {}): Promise<Pair> => {
  pair = open.use(await openPair({ serve() {}, ...options }));
  return pair;
};

const html = (response: ServerResponse, page: Buffer, more: Record<string, string> = {}): void => {
  response.writeHead(200, { "Content-Type": "text/html", ...more });
  response.end(page);
};

let visits: number;
beforeEach(() => {
  visits = 0;
});

/** One visit that must get exactly this page; what the edge recorded of it. */
const visitFor = async (page: Buffer, path = "/", headers: Record<string, string> = {}) => {
  const visited = await visit(pair.port, { path, headers });
  expect([visited.status, visited.cut]).toEqual([200, false]);
  expect(visited.body.equals(page), `the exact page of ${path}`).toBe(true);
  const record = await pair.visited(++visits);
  return { ...record, answerBytes: record.answerBytes ?? Number.NaN };
};

describe("the same URL again", () => {
  it("costs a small delta, and next to nothing where nothing changed", async () => {
    const versions = madeVersions(seeded(), { rows: 120, count: 3 });
    await opened();
    let page = versions[0] as Buffer;
    pair.web.serve = (_, response) => html(response, page);
    const first = await visitFor(page);
    expect(first).toMatchObject({ answer: "whole", bases: 0 });
    expect(first.answerBytes).toBeLessThan(page.length * 0.7);
    for (const version of versions.slice(1)) {
      page = version;
      const delta = await visitFor(page);
      expect(delta.answer).toBe("delta");
      expect(delta.answerBytes).toBeLessThan(first.answerBytes / 10);
      const same = await visitFor(page);
      expect(same.answer).toBe("same");
      expect(same.answerBytes).toBeLessThan(40);
    }
    expect(pair.web.asked).toHaveLength(5);
    expect(await pair.answered(2)).toMatchObject({ answer: "delta", status: 200 });
  });

  it("costs less on the wire too, TLS and frames and all", async () => {
    let tap: WireTap | undefined;
    await opened({
      via: async (tunnel) => {
        tap = await tapWire(tunnel);
        return tap.port;
      },
    });
    open.defer(async () => tap?.[Symbol.asyncDispose]());
    const page = madePage(seeded(), 100);
    pair.web.serve = (_, response) => html(response, page);
    const crossed = async (): Promise<number> => {
      const before = tap?.seen("up").length ?? 0;
      await visitFor(page);
      await pair.answered(visits);
      return (tap?.seen("up").length ?? 0) - before;
    };
    const [whole, same] = [await crossed(), await crossed()];
    expect(same).toBeLessThan(250);
    expect(whole).toBeGreaterThan(20 * same);
  });

  it("may change its length, become empty, and come back", async () => {
    await opened();
    const random = seeded();
    const pages = [
      madePage(random, 50),
      Buffer.alloc(0),
      Buffer.from("x"),
      madePage(random, 3),
      madePage(random, 50),
    ];
    for (const page of [...pages, ...pages]) {
      pair.web.serve = (_, response) => html(response, page);
      await visitFor(page);
    }
  });

  it("by either codec", async () => {
    await opened({ origin: { codecs: ["vcdiff"] } });
    const versions = madeVersions(seeded(), { rows: 120, count: 3 });
    const sizes: number[] = [];
    for (const page of versions) {
      pair.web.serve = (_, response) => html(response, page);
      sizes.push((await visitFor(page)).answerBytes);
    }
    expect(Math.max(...sizes.slice(1))).toBeLessThan((sizes[0] ?? 0) / 10);
    // Larger than vcdiff takes, so by zstd.
    const large = Buffer.alloc(1_500_000, madePage(seeded(), 2_000));
    pair.web.serve = (_, response) => html(response, large);
    await visitFor(large, "/large");
  });
});

it("a page never seen before is smaller by its siblings", async () => {
  await opened();
  const random = seeded();
  const frame = madePage(random, 60).toString();
  const article = (title: string): Buffer =>
    Buffer.from(`${frame}<h1>${title}</h1><p>${random.bytes(200).toString("hex")}</p>`);
  const pages = ["one", "two", "three"].map((title) => ({
    path: `/news/article-about-${title}`,
    page: article(title),
  }));
  const sizes: number[] = [];
  for (const { path, page } of pages) {
    pair.web.serve = (_, response) => html(response, page);
    const record = await visitFor(page, path);
    sizes.push(record.answerBytes);
    expect(record.answer).toBe(sizes.length === 1 ? "whole" : "delta");
  }
  expect(Math.max(...sizes.slice(1))).toBeLessThan((sizes[0] ?? 0) / 4);
});

it("images pass as they are, and are not remembered", async () => {
  await opened();
  const image = seeded().bytes(20_000);
  pair.web.serve = (_, response) => response.writeHead(200, { "Content-Type": "image/png" }).end(image);
  for (let again = 0; again < 2; again++) {
    const record = await visitFor(image, "/a.png");
    expect(record).toMatchObject({ answer: "passed", bases: 0 });
    expect(record.answerBytes).toBeGreaterThanOrEqual(image.length);
  }
});

describe("a page that the web server makes slowly", () => {
  /** A web server that sends a part when it is told to. */
  const slowly = () => {
    let response: ServerResponse | undefined;
    pair.web.serve = (_, came) => {
      came.writeHead(200, { "Content-Type": "text/html" });
      came.flushHeaders();
      response = came;
    };
    return {
      begun: () => until(() => response !== undefined),
      send: (part: Buffer) => response?.write(part),
      end: () => {
        response?.end();
        response = undefined;
      },
    };
  };

  it("arrives part by part, each before the next is made; again as a delta", async () => {
    await opened();
    const versions = madeVersions(seeded(), { rows: 60, count: 2 });
    const sizes: number[] = [];
    for (const page of versions) {
      const web = slowly();
      const response = await begin(pair.port, { path: "/slow" });
      await web.begun();
      let got = Buffer.alloc(0);
      response.on("data", (piece: Buffer) => {
        got = Buffer.concat([got, piece]);
      });
      const ended = new Promise((resolve) => response.once("end", resolve));
      for (let at = 0; at < page.length; at += 3_000) {
        const until3 = Math.min(at + 3_000, page.length);
        web.send(page.subarray(at, until3));
        await until(() => got.length === until3, `the part up to ${until3}`);
      }
      web.end();
      await ended;
      expect(got.equals(page)).toBe(true);
      const record = await pair.visited(sizes.length + 1);
      expect(record.answer).toBe(sizes.length === 0 ? "whole" : "delta");
      expect(await pair.answered(sizes.length + 1)).toMatchObject({ streamed: true });
      sizes.push(record.answerBytes ?? Number.NaN);
    }
    expect(sizes[1]).toBeLessThan((sizes[0] ?? 0) / 4);
  });

  it("as events: each at once, passed", async () => {
    await opened();
    let response: ServerResponse | undefined;
    pair.web.serve = (_, came) => {
      came.writeHead(200, { "Content-Type": "text/event-stream" });
      came.flushHeaders();
      response = came;
    };
    const events = await begin(pair.port, { path: "/events" });
    let got = "";
    events.on("data", (piece: Buffer) => {
      got += piece.toString();
    });
    for (let n = 1; n <= 5; n++) {
      response?.write(`data: ${n}\n\n`);
      await until(() => got.endsWith(`data: ${n}\n\n`), `event ${n}`);
    }
    response?.end();
    await finish(events);
    expect((await pair.visited(1)).answer).toBe("passed");
  });
});

describe("sessions", () => {
  const sessionOf = (name: string) => ({
    "Sec-Fetch-Site": "none",
    Cookie: `sid=${name}-0123456789abcdef0123456789abcdef`,
  });

  it("on one URL at once get exactly their own", async () => {
    await opened();
    const frame = madePage(seeded(), 40).toString();
    const pageFor = (cookie: string, n: string) => Buffer.from(`${frame}<h1>${cookie}</h1><p>${n}</p>`);
    pair.web.serve = (request, response) =>
      html(response, pageFor(request.headers.cookie ?? "", request.headers["x-n"] as string));
    const wrong: string[] = [];
    const identities = Array.from({ length: 8 }, (_, i) => sessionOf(`person${i}`));
    await Promise.all(
      identities.map(async (headers) => {
        for (let n = 0; n < 25; n++) {
          const visited = await visit(pair.port, {
            path: "/account",
            headers: { ...headers, "X-N": `${n}` },
          });
          if (!visited.body.equals(pageFor(headers.Cookie, `${n}`))) wrong.push(`${headers.Cookie} ${n}`);
        }
      }),
    );
    expect(wrong).toEqual([]);
  });

  it("do not help each other; what a session made before helps it", async () => {
    await opened();
    const [page, later] = madeVersions(seeded(), { rows: 60, count: 2 }) as [Buffer, Buffer];
    pair.web.serve = (_, response) => html(response, page);
    expect((await visitFor(page, "/account", sessionOf("alice"))).bases).toBe(0);
    expect((await visitFor(page, "/account", sessionOf("bob"))).bases).toBe(0);
    expect((await visitFor(page, "/account")).bases).toBe(0);
    pair.web.serve = (_, response) => html(response, later);
    expect(await visitFor(later, "/account", sessionOf("alice"))).toMatchObject({ answer: "delta" });
  });

  it.each([
    ["session", false],
    ["site", true],
  ] as const)(
    "under bases: %s, guessing another's token by the size of an answer works: %s",
    async (bases, works) => {
      let tap: WireTap | undefined;
      await opened({
        edge: { keys: [{ id: "k", secret: FIXTURE_SECRET, hosts: [{ host: "www.example.com", bases }] }] },
        origin: { codecs: ["zstd"] }, // a splice does not look for a part of a token
        via: async (tunnel) => {
          tap = await tapWire(tunnel);
          return tap.port;
        },
      });
      open.defer(async () => tap?.[Symbol.asyncDispose]());
      const random = new Random(7);
      const rows = Array.from({ length: 80 }, () => `<li>${random.bytes(8).toString("hex")}</li>`).join("\n");
      const [secret, ...others] = Array.from({ length: 9 }, () => random.bytes(16).toString("hex"));
      const [victim, attacker] = [sessionOf("victim"), sessionOf("attacker")];
      pair.web.serve = (request, response) => {
        const token = request.headers.cookie === victim.Cookie ? secret : "the attacker has another one";
        const guess = new URL(request.url ?? "", "http://x").searchParams.get("q");
        html(
          response,
          Buffer.from(
            `<!doctype html><ul>${rows}</ul><input value="${token}"><p>You looked for ${guess}</p>`,
          ),
        );
      };
      const ask = async (
        q: string,
        headers: Record<string, string>,
      ): Promise<{ bytes: number; wire: number }> => {
        const before = tap?.seen("up").length ?? 0;
        await visit(pair.port, { path: `/account?q=${q}`, headers });
        const { answerBytes = Number.NaN } = await pair.visited(++visits);
        await pair.answered(visits);
        return { bytes: answerBytes, wire: (tap?.seen("up").length ?? 0) - before };
      };
      const answers = new Map<string, { bytes: number; wire: number }>();
      // The first rounds only make the attacker's own page old news; the right guess comes in the middle.
      for (const guess of [
        "0".repeat(32),
        "f".repeat(32),
        ...others.slice(4),
        secret ?? "",
        ...others.slice(0, 4),
      ]) {
        await ask("nothing", victim);
        answers.set(guess, await ask(guess, attacker));
      }
      const right = answers.get(secret ?? "") ?? { bytes: Number.NaN, wire: Number.NaN };
      const wrong = others.map((guess) => answers.get(guess) ?? right);
      for (const measure of ["bytes", "wire"] as const) {
        const least = Math.min(...wrong.map((answer) => answer[measure]));
        if (works) expect(least - right[measure], measure).toBeGreaterThan(5);
        else expect(right[measure], measure).toBeGreaterThanOrEqual(least);
      }
    },
  );
});

describe("tenants", () => {
  it("of one edge share no version, though their pages are alike", async () => {
    const other = FIXTURE_SECRET.replace("AAEC", "BBEC");
    const page = madePage(seeded(), 60);
    await opened({
      edge: {
        keys: [
          { id: "k", secret: FIXTURE_SECRET, hosts: ["www.example.com"] },
          { id: "k2", secret: other, hosts: ["other.example.com"] },
        ],
      },
    });
    pair.web.serve = (_, response) => html(response, page);
    const config = originConfigOf(
      { tunnel: pair.edge.tunnelAddress.port, web: pair.web.port },
      {
        edges: [
          {
            address: `127.0.0.1:${pair.edge.tunnelAddress.port}`,
            key: { id: "k2", secret: other },
            connections: 1,
          },
        ],
        routes: ["www.example.com", "other.example.com"].map((host) => ({
          host,
          origin: `http://127.0.0.1:${pair.web.port}`,
        })),
        times: { drain: "1s" },
      },
    );
    const daemon = await startOrigin(config, { log: pair.originLog });
    open.defer(() => daemon.stop());
    await pair.edgeLog.heard("link up", 2);
    const ask = async (host: string) => {
      const visited = await visit(pair.port, { host });
      expect(visited.body.equals(page)).toBe(true);
      return pair.visited(++visits);
    };
    expect(await ask("www.example.com")).toMatchObject({ link: "k", bases: 0, answer: "whole" });
    expect(await ask("other.example.com")).toMatchObject({ link: "k2", bases: 0, answer: "whole" });
    expect(await ask("www.example.com")).toMatchObject({ link: "k", answer: "same" });
    expect(await ask("other.example.com")).toMatchObject({ link: "k2", answer: "same" });
  });
});

describe("forgetting", () => {
  it("a URL erases it on both sides, and nothing else; the next answer is whole", async () => {
    await opened();
    const random = seeded();
    const [one, other] = [madePage(random, 40), madePage(random, 40)];
    const ask = (path: string) => {
      const page = path === "/one" ? one : other;
      pair.web.serve = (_, response) => html(response, page);
      return visitFor(page, path);
    };
    await ask("/one");
    await ask("/other");
    expect(await pair.edge.forget({ host: "www.example.com", url: "/one" })).toBe(1);
    await pair.originLog.heard("versions erased");
    expect(pair.originLog.lines.find(({ event }) => event === "versions erased")?.fields).toMatchObject({
      url: "/one",
      erased: 1,
    });
    expect((await ask("/one")).answer).not.toBe("same");
    expect((await ask("/other")).answer).toBe("same");
    expect(await pair.edge.forget({ host: "www.example.com", url: undefined })).toBe(2);
    await pair.originLog.heard("versions erased", 2);
    expect(await ask("/other")).toMatchObject({ answer: "whole", bases: 0 });
  });
});
