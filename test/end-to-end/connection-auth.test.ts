/**
 * NTLM and Negotiate log a connection in (RFC 4559 section 6): through the pair the login works for the visitor's connection that
 * made it, and no other visitor ever gets what that connection is allowed to see. SPEC section "Authenticated connections".
 */
import { describe, expect, it } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair, type RawPairOptions } from "../kit/raw-pair.ts";
import { request, response } from "../kit/raw-requests.ts";
import { fieldIn, type RawResponse, type RawVisitor } from "../kit/raw-visitor.ts";
import { makeSiteFiles } from "../kit/secure-pair.ts";

watchLeaks();

const PAGE = `<!doctype html>${"<p>a line of the page</p>\n".repeat(40)}`;

/** A web server that logs connections in, in three steps; what a connection that is logged in gets is its user's. */
const openServer = async (scheme: string, options: RawPairOptions = {}): Promise<RawPair> => {
  const pair = await openRawPair(options);
  const users = new Map<number, string>();
  pair.web.serve = async (asked) => {
    await asked.body();
    const shown = asked.field("authorization") ?? "";
    const [, user] = / last-(\w+)$/.exec(shown) ?? [];
    if (user !== undefined && users.has(asked.connectionNumber)) users.set(asked.connectionNumber, user);
    const known = users.get(asked.connectionNumber);
    if (known)
      return asked.ok(`${PAGE}of ${known}`, "Content-Type: text/html", "Cache-Control: public, max-age=60");
    const begun = shown.endsWith(" first");
    if (begun) users.set(asked.connectionNumber, "");
    asked.answer(response(401, [`WWW-Authenticate: ${scheme}${begun ? " challenge" : ""}`]));
  };
  return pair;
};

const METHODS = [
  ["GET", ""],
  ["POST", "a=1"],
] as const;

const asking =
  (method: string, body: string, more: readonly string[] = []) =>
  async (visitor: RawVisitor, shown?: string): Promise<RawResponse> => {
    const fields = body === "" ? [...more] : [...more, `Content-Length: ${body.length}`];
    visitor.send(
      request(`${method} /`, shown === undefined ? fields : [...fields, `Authorization: ${shown}`], body),
    );
    return visitor.response();
  };

describe.each(["NTLM", "Negotiate", "negotiate"])("%s", (scheme) => {
  describe.each(METHODS)("by %s", (method, body) => {
    it("logs in the visitor's connection, for as long as that lives, and nobody else", async () => {
      // Time stands still: a POST without the login goes on a connection only if it rests for a moment.
      await using pair = await openServer(scheme, { clock: new FakeClock() });
      const ask = asking(method, body);
      const [alice, bob, carol] = [await pair.visitor(), await pair.visitor(), await pair.visitor()];
      const steps: number[] = [];
      for (const shown of [undefined, `${scheme} first`, `${scheme} last-alice`])
        steps.push((await ask(alice, shown)).status);
      expect(steps).toEqual([401, 401, 200]);
      expect((await ask(bob)).status).toBe(401);
      await ask(bob, `${scheme} first`);
      expect((await ask(bob, `${scheme} last-bob`)).body.toString()).toBe(`${PAGE}of bob`);
      for (let again = 0; again < 3; again++) {
        expect((await ask(alice)).body.toString()).toBe(`${PAGE}of alice`);
        expect((await ask(bob)).body.toString()).toBe(`${PAGE}of bob`);
        expect((await ask(carol)).status).toBe(401);
      }
    });
  });

  it("gives no version: each page crosses whole, and builds on nothing", async () => {
    await using pair = await openServer(scheme);
    const ask = asking("GET", "");
    const alice = await pair.visitor();
    for (const shown of [`${scheme} first`, `${scheme} last-alice`, undefined, undefined])
      await ask(alice, shown);
    const third = await pair.visitOf("/", 4);
    expect([third.answer, third.bases]).toEqual(["whole", 0]);
  });

  it.each([
    ["a trusted proxy", { edge: { trustedProxies: ["127.0.0.1"] } }, []],
    ["any proxy that says so", {}, ["Via: 1.1 front"]],
    ["any proxy that tells of its visitors", {}, ["X-Forwarded-For: 192.0.2.7"]],
  ])("is not kept for the connection of %s, which several visitors may share", async (_, options, more) => {
    await using pair = await openServer(scheme, options);
    const ask = asking("GET", "", more);
    const front = await pair.visitor();
    const seen = [
      await ask(front),
      await ask(front, `${scheme} first`),
      await ask(front, `${scheme} last-a`),
    ];
    seen.push(await ask(front));
    expect(seen.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(pair.web.connections).toBe(4);
  });
});

it("is closed after a response that says so, whoever asked and whatever its status", async () => {
  await using pair = await openRawPair();
  for (const said of [
    'WWW-Authenticate: Basic realm="a", NTLM',
    "WWW-Authenticate: Negotiate oYG2",
    "Proxy-Authenticate: NTLM",
    "Persistent-Auth: true",
  ]) {
    const before = pair.web.connections;
    pair.web.serve = (asked) => asked.ok(PAGE, "Content-Type: text/html", said);
    const ask = asking("GET", "");
    for (let visitor = 0; visitor < 2; visitor++) await ask(await pair.visitor());
    expect(pair.web.connections - before, said).toBe(2);
  }
});

it("leaves connections of other schemes shared, as Basic is of each request", async () => {
  await using pair = await openRawPair();
  pair.web.serve = (asked) => asked.answer(response(401, ['WWW-Authenticate: Basic realm="NTLM"']));
  for (let visitor = 0; visitor < 3; visitor++) {
    const seen = await asking("GET", "")(await pair.visitor(), "Basic YTpi");
    expect(fieldIn(seen, "www-authenticate")).toBe('Basic realm="NTLM"');
  }
  expect(pair.web.connections).toBe(1);
});

it("serves no stream of HTTP/2 but the one whose request logged it in", async () => {
  using site = makeSiteFiles();
  await using pair = await openServer("Negotiate", {
    edge: { visitors: [{ listen: "127.0.0.1:0", ...site.named }] },
  });
  await using visitor = await openHttp2({ https: pair.port, authority: site.authority });
  for (const method of ["GET", "POST"]) {
    const seen: number[] = [];
    for (const shown of ["Negotiate first", "Negotiate last-alice", undefined]) {
      const fields = { ":method": method, ...(shown && { authorization: shown }) };
      const { status, stream } = await visitor.begin(fields);
      stream.resume();
      seen.push(status);
    }
    expect(seen).toEqual([401, 401, 401]);
  }
  expect(pair.web.connections).toBe(6);
});
