/** curl before the pair: HTTP/1.0, HTTP/1.1, HTTP/2 over TLS, compression, uploads, ranges and resumed downloads, as people use it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DemoSite, startDemoSite } from "../../bench/demo-site/site.ts";
import { bodyOf, type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { CURL, describeWith } from "../kit/outside-program.ts";
import { Random } from "../kit/random.ts";
import { HOST } from "../kit/real-daemons.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";

watchLeaks();

const FILE = new Random(3).bytes(3_000_000);

/** A file that can be had in parts, and a place for uploads; what curl sent is the answer. */
const serve: FakeOrigin["serve"] = async (request, response) => {
  const body = await bodyOf(request);
  const part = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  response.setHeader("Content-Type", "image/png");
  if (request.method !== "GET" && request.method !== "HEAD")
    return response.end(`${request.method} ${body.length} ${request.headers.expect ?? "at once"}`);
  if (part === null) return response.setHeader("Content-Length", FILE.length).end(FILE);
  const [from, to] = [Number(part[1]), part[2] === "" ? FILE.length - 1 : Number(part[2])];
  response.writeHead(206, { "Content-Range": `bytes ${from}-${to}/${FILE.length}` });
  return response.end(FILE.subarray(from, to + 1));
};

describeWith(CURL, "curl", (curl) => {
  const undo = new AsyncDisposableStack();
  let folder: string;
  let site: DemoSite;
  let files: FakeOrigin;
  let secure: SecurePair;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "coilgun-curl-"));
    undo.defer(() => rmSync(folder, { recursive: true }));
    site = await startDemoSite({ seed: 6, moment: () => 100_000 });
    undo.defer(() => site.close());
    files = undo.use(await openOrigin(serve));
    const routes = [
      { host: HOST, origin: `http://${site.address}` },
      { host: HOST, path: "/files", origin: `http://127.0.0.1:${files.port}` },
    ];
    secure = undo.use(await openSecurePair({ serve() {}, origin: { routes } }));
  });
  afterAll(() => undo.disposeAsync());

  interface Fetched {
    readonly status: number;
    readonly version: string;
    readonly body: Buffer;
    readonly fields: Readonly<Record<string, readonly string[]>>;
  }

  const urlOf = (scheme: "http" | "https", path: string) => `${scheme}://${HOST}:${secure[scheme]}${path}`;

  /** What curl reports when it has ended, with this exit code. */
  const say = async (args: readonly string[], exit = 0): Promise<string> => {
    const hosts = [secure.http, secure.https].flatMap((port) => ["--resolve", `${HOST}:${port}:127.0.0.1`]);
    const child = spawn(curl, ["-q", "-sS", "-m", "20", ...hosts, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {},
    });
    const [said, wrong, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    expect(code, wrong).toBe(exit);
    return said;
  };

  const run = async (
    scheme: "http" | "https",
    path: string,
    ...args: readonly string[]
  ): Promise<Fetched> => {
    const file = join(folder, "body");
    const report = '{"all":%{json},"fields":%{header_json}}';
    const words = ["--cacert", secure.authorityFile, "-o", file, "-w", report, ...args, urlOf(scheme, path)];
    const { all, fields } = JSON.parse(await say(words));
    return { status: all.response_code, version: all.http_version, body: readFileSync(file), fields };
  };

  const expectDemoPage = ({ status, body, fields }: Fetched) => {
    expect(status).toBe(200);
    const sent = site.bodyOf(fields["x-request-id"]?.[0] ?? "");
    expect(body.equals(sent ?? Buffer.alloc(0)), "the page as it was sent").toBe(true);
  };

  describe.each([
    ["HTTP/1.0", "http", "--http1.0", "1.1"],
    ["HTTP/1.1", "http", "--http1.1", "1.1"],
    ["HTTP/1.1 over TLS", "https", "--http1.1", "1.1"],
    ["HTTP/2 over TLS", "https", "--http2", "2"],
  ] as const)("with %s", (_, scheme, flag, version) => {
    it("loads pages of the demo site, plain and compressed", async () => {
      for (const path of ["/", "/news/2", "/shop", "/api/departures"]) {
        const plain = await run(scheme, path, flag);
        expectDemoPage(plain);
        expect(plain.version).toBe(version);
        const compressed = await run(scheme, path, flag, "--compressed");
        expectDemoPage(compressed);
        expect(compressed.fields["content-encoding"]).toHaveLength(1);
      }
    });

    it("sends a body with a length, and waits with a large one for 100 Continue", async () => {
      expect((await run(scheme, "/files/a", flag, "-d", "hello")).body.toString()).toBe("POST 5 at once");
      const large = join(folder, "upload");
      writeFileSync(large, FILE);
      const { body } = await run(scheme, "/files/a", flag, "-T", large);
      // In HTTP/1.0 and HTTP/2 curl does not ask.
      const asked = flag === "--http1.1" ? "100-continue" : "at once";
      expect(body.toString()).toBe(`PUT ${FILE.length} ${asked}`);
    });

    it("gets a part of a file, and its head alone", async () => {
      const part = await run(scheme, "/files/a", flag, "-r", "1000-1999");
      expect([part.status, part.body.equals(FILE.subarray(1000, 2000))]).toEqual([206, true]);
      const head = await run(scheme, "/files/a", flag, "-I");
      expect([head.status, head.fields["content-length"]]).toEqual([200, [String(FILE.length)]]);
    });
  });

  it("goes on with a download where an earlier one had ended", async () => {
    const file = join(folder, "resumed");
    writeFileSync(file, FILE.subarray(0, 1_234_567));
    await say(["--cacert", secure.authorityFile, "-C", "-", "-o", file, urlOf("https", "/files/a")]);
    expect(readFileSync(file).equals(FILE)).toBe(true);
  });

  it.each(["--http1.1", "--http2"])(
    "keeps its connection from one request to the next with %s",
    async (flag) => {
      const three = Array.from({ length: 3 }, () => ["-o", "/dev/null", urlOf("https", "/shop")]).flat();
      const made = await say(["--cacert", secure.authorityFile, flag, "-w", "%{num_connects} ", ...three]);
      expect(made).toBe("1 0 0 ");
    },
  );

  it("does not take a certificate that no authority of its own has signed", async () => {
    const PEER_FAILED_VERIFICATION = 60;
    await say(["-o", "/dev/null", urlOf("https", "/")], PEER_FAILED_VERIFICATION);
  });
});
