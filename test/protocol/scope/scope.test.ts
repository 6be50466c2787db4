import { describe, expect, it } from "vitest";
import { LEAST_SECRET_CHARS } from "../../../protocol/scope/credential.ts";
import { LEAST_TELLING_CHARS, MOST_MARKS, type VisitorPlace } from "../../../protocol/scope/credentials.ts";
import { type BasesPolicy, type Scope, ScopeRules } from "../../../protocol/scope/scope.ts";
import { dearerAtOnce } from "../../kit/cpu.ts";

const SECRET = Buffer.alloc(32, 1);
const rulesFor = (bases: BasesPolicy, harmlessCookies: readonly string[] = []) =>
  new ScopeRules({ bases, harmlessCookies }, SECRET);
const rules = rulesFor("session");
const SID = "sid=0123456789abcdef0123456789abcdef";
const LONG = "fedcba9876543210fedcba9876543210";

const scope = (
  request: readonly string[],
  response: readonly string[] = [],
  by = rules,
  status = 200,
): Scope => by.scopeOf({ credentials: by.credentialsOf(request), status, response });
const sessionOf = (...cookies: string[]) =>
  rules.credentialsOf(cookies.flatMap((cookie) => ["Cookie", cookie])).session;
/** The session a version belongs to; fails where it belongs to none. */
const owner = (of: Scope) => (of.kind === "session" ? of.session : `not a session: ${of.kind}`);

describe("public", () => {
  it.each([
    ["nothing", []],
    ["ordinary headers", ["Host", "a.example", "Accept", "*/*", "X-Widget", "k"]],
    [
      "known harmless cookies",
      [
        "Cookie",
        "_ga=GA1.2.3; _ga_ABC=GS1; __utmz=1.2; OptanonConsent=x%2Cy",
        "cookie",
        "_pk_id.1.a=b; AWSALB=x",
      ],
    ],
    ["an empty Cookie", ["Cookie", " ; ;"]],
  ])("is a version whose request carried %s", (_, request) => {
    expect(scope(request)).toEqual({ kind: "public", retention: "keep" });
  });

  it.each([
    ["no-cache", ["Cache-Control", "no-cache, max-age=0"]],
    ["directives that only look alike", ["Cache-Control", "x-private, private-ish, no-storey, not-no-store"]],
    ["directives inside a quoted string", ["Cache-Control", 'ext="a, private, \\", no-store", max-age=1']],
    ["a harmless cookie set", ["Set-Cookie", "__cf_bm=abc; Path=/; HttpOnly"]],
    ["an error", []],
  ])("is a version whose response says %s", (_, response) => {
    expect(scope([], response, rules, 404).kind).toBe("public");
  });

  it("takes the operator's word for a cookie, by name or pattern", () => {
    const told = rulesFor("session", ["theme", "ab_*", "x_*_y"]);
    expect(scope(["Cookie", "theme=dark; ab_test=1; x_any_y=2"], [], told).kind).toBe("public");
    expect(scope(["Cookie", "themes=dark"], [], told).kind).toBe("session");
    expect(scope(["Cookie", "x_y=2"], [], told).kind).toBe("session");
  });
});

describe("session", () => {
  it.each([
    ["a cookie that counts", ["Cookie", SID]],
    ["one among harmless ones", ["Cookie", `_ga=1; ${SID}; _gid=2`]],
    ["one in a second Cookie header", ["Cookie", "_ga=1", "COOKIE", SID]],
    ["Authorization", ["authorization", "Bearer x"]],
    ["a short cookie", ["Cookie", "lang=en"]],
    ["a cookie without a name", ["Cookie", "abc"]],
    ["a harmless name in another case", ["Cookie", "_GA=1"]],
    ["a value with a comma, which some servers split at", ["Cookie", `_ga=1, ${SID}`]],
    ["a quoted value with a pair inside", ["Cookie", `_ga="1; ${SID}"`]],
  ])("is a version whose request carried %s", (_, request) => {
    expect(scope(request)).toMatchObject({ kind: "session", retention: "session" });
  });

  it.each([
    ["private", "private", "session"],
    ["PRIVATE in a list", "max-age=1, PRIVATE", "session"],
    ["private with fields", 'max-age=1,private="set-cookie, x"', "session"],
    ["private behind a quote that never closes", 'ext="a, private', "session"],
    ["no-store", "No-Store", "no-store"],
    ["both", "private;no-store", "no-store"],
  ])("is a version whose response is %s, and is kept for it", (_, value, retention) => {
    expect(scope(["Cookie", SID], ["cache-control", value])).toMatchObject({
      kind: "session",
      retention,
      marks: undefined,
    });
    expect(scope([], ["cache-control", value]).kind).toBe("nobody");
  });

  it("is not shared by different credentials, however they are written", () => {
    const written = [
      ["Cookie", "a=1"],
      ["Cookie", "a=1; b=2"],
      ["Cookie", "a=1; b=3"],
      ["Cookie", "a=1; a=1"],
      ["Cookie", "a=1b=2"],
      ["Cookie", "a=1 b=2"],
      ["Cookie", "a1="],
      ["Cookie", "a1"],
      ["Cookie", "=a1"],
      ["Cookie", "A=1"],
      ["Cookie", "a=\u00e9"],
      ["Cookie", "a=\u00c3\u00a9"],
      ["Authorization", "a=1"],
      ["Authorization", "1"],
      ["Authorization", "1", "Authorization", "2"],
      ["Authorization", "1", "Cookie", "a=1"],
    ].map((headers) => rules.credentialsOf(headers).session);
    // `a1` and `=a1` are the same nameless cookie.
    expect(new Set(written).size).toBe(written.length - 1);
    for (const session of written) expect(session).toHaveLength(16);
  });

  it("is one whatever the order, the spacing and the harmless cookies beside", () => {
    const session = sessionOf("a=1; b=2");
    expect(sessionOf("b=2;a=1")).toBe(session);
    expect(sessionOf("b=2", "_ga=7;  a=1 ")).toBe(session);
  });

  it("cannot be computed without the daemon's secret", () => {
    const other = new ScopeRules({ bases: "session", harmlessCookies: [] }, Buffer.alloc(32, 2));
    expect(other.credentialsOf(["Cookie", SID]).session).not.toBe(sessionOf(SID));
  });

  it("is decided by the headers an operator names, beside those that everybody knows", () => {
    const told = new ScopeRules(
      { bases: "session", harmlessCookies: [], credentialHeaders: ["X-Who"] },
      SECRET,
    );
    expect(scope(["x-who", "k"], ["Cache-Control", "private"], told).kind).toBe("session");
    expect(scope(["Authorization", "k"], [], told).kind).toBe("session");
    expect(scope(["x-who", "k"]).kind).toBe("public");
  });

  it.each([
    ..."Authorization X-Api-Key Api-Key apikey X-Auth-Token X-Amz-Security-Token X-Access-Token".split(" "),
    ..."X-Goog-Api-Key Cf-Access-Jwt-Assertion Ocp-Apim-Subscription-Key Private-Token".split(" "),
  ])("is a session's whose request carries %s, and that is a secret", (name) => {
    expect(scope([name, LONG]).kind).toBe("session");
    expect(scope([name, LONG], ["Cache-Control", "private"]).kind).toBe("session");
    expect(owner(scope([name, LONG]))).not.toBe(owner(scope([name, `${LONG}x`])));
  });

  it.each(
    "X-CSRF-Token X-XSRF-Token X-CSRF csrf-token X-Session-Id X-Remote-User X-Forwarded-Email x-signature".split(
      " ",
    ),
  )("is a session's whose request carries %s, which is no visitor's only secret", (name) => {
    expect(scope([name, LONG]).kind).toBe("session");
    expect(scope([name, LONG], ["Cache-Control", "private"]).kind).toBe("nobody");
  });

  it.each(
    "User-Agent Sec-Fetch-User Sec-WebSocket-Key Idempotency-Key X-Request-Id X-Requested-With Accept-Language Referer".split(
      " ",
    ),
  )("is public though its request carries %s", (name) => {
    expect(scope([name, LONG]).kind).toBe("public");
  });

  it("is nobody's, where it is personal and the only credential is a short one of a known name", () => {
    expect(scope(["X-Api-Key", "1"], ["Cache-Control", "private"]).kind).toBe("nobody");
  });
});

describe("a visitor who shows no secret", () => {
  const HOME = { owner: "81.2.69.7", network: "ipv4 81.2.69" };
  const PRIVATE = ["Cache-Control", "private"];
  const at = (
    place: VisitorPlace,
    request: readonly string[],
    response: readonly string[],
    { target = "/", method = "GET", by = rules } = {},
  ) => {
    const credentials = by.credentialsOf(request);
    return by.scopeOf({
      credentials,
      addressed: by.addressed(credentials, place),
      method,
      target,
      status: 200,
      response,
    });
  };
  const marksOf = (of: Scope) => (of.kind === "session" ? [of.marks?.(), of.joined?.()] : of.kind);

  it("is known by his address, where the answer is personal", () => {
    const home = owner(at(HOME, [], PRIVATE));
    expect(home).toHaveLength(16);
    expect(owner(at({ ...HOME, network: "another" }, [], PRIVATE))).toBe(home);
    expect(owner(at({ ...HOME, owner: "81.2.69.8" }, [], PRIVATE))).not.toBe(home);
    expect(owner(at(HOME, ["Cookie", "lang=en"], PRIVATE))).not.toBe(home);
    expect(at(HOME, [], [])).toEqual({ kind: "public", retention: "keep" });
    expect(at(HOME, [], ["Cache-Control", "no-store"])).toMatchObject({ retention: "no-store" });
    expect(at(HOME, [], PRIVATE)).toMatchObject({ retention: "session" });
  });

  it("is known by his address, where he posted what may be a login", () => {
    const posted = (response: readonly string[], request: readonly string[] = [], method = "POST") =>
      at(HOME, request, response, { method });
    expect(owner(posted([]))).toBe(owner(at(HOME, [], PRIVATE)));
    expect(posted([])).toMatchObject({ retention: "session", reason: "posted" });
    expect(owner(posted([], ["Cookie", "lang=en"]))).toBe(owner(at(HOME, ["Cookie", "lang=en"], PRIVATE)));
    expect(owner(posted(["Set-Cookie", SID]))).toBe(sessionOf(SID));
    for (const says of ["private", "no-store"])
      expect(posted(["Cache-Control", says])).toEqual({ kind: "nobody", reason: says });
    for (const method of ["HEAD", "OPTIONS", "PROPFIND", "QUERY", "REPORT", "SEARCH"])
      expect(posted([], [], method).kind).toBe("public");
    const nowhere = { credentials: rules.credentialsOf([]), method: "PUT", status: 200, response: [] };
    expect(rules.scopeOf(nowhere)).toEqual({ kind: "nobody", reason: "posted" });
    const known = { ...nowhere, credentials: rules.credentialsOf(["Cookie", SID]) };
    expect(rules.scopeOf(known)).toMatchObject({ session: sessionOf(SID), reason: "new-session" });
    expect(rulesFor("site").scopeOf(nowhere).kind).toBe("public");
  });

  it("is a person by his network, however he is known", () => {
    const [mark] = marksOf(at(HOME, [], PRIVATE));
    expect(mark).toHaveLength(1);
    expect(marksOf(at(HOME, [], PRIVATE))).toEqual([mark, mark]);
    expect(marksOf(at({ ...HOME, owner: "81.2.69.8" }, ["Cookie", "lang=en"], PRIVATE))).toEqual([
      mark,
      mark,
    ]);
    expect(marksOf(at(HOME, ["Cookie", "lang=en"], []))[0]).toEqual(mark);
    expect(marksOf(at(HOME, [], ["Set-Cookie", SID]))[0]).toEqual(mark);
    expect(marksOf(at({ ...HOME, network: "another" }, [], PRIVATE))).not.toEqual([mark, mark]);
  });

  it("has the page of the session that the answer begins, not of the address", () => {
    expect(owner(at(HOME, [], [...PRIVATE, "Set-Cookie", SID]))).toBe(sessionOf(SID));
    expect(owner(at(HOME, [], [...PRIVATE, "Set-Cookie", "_ga=GA1.2.3"]))).toBe(owner(at(HOME, [], PRIVATE)));
  });

  it.each(["/reset/x7Kq9vT2mWz4Lp8R", "/login?token=9f86d081884c7d659a2feaa0c55ad015"])(
    "has no version of a page whose URL is a capability, and is no evidence: %s",
    (target) => {
      expect(at(HOME, [], PRIVATE, { target }).kind).toBe("nobody");
      expect(marksOf(at(HOME, [], ["Set-Cookie", SID], { target }))).toEqual([undefined, undefined]);
      expect(marksOf(at(HOME, ["Cookie", "lang=abcdefgh"], [], { target }))).toEqual([undefined, undefined]);
      expect(marksOf(at(HOME, ["Cookie", SID], [], { target }))).not.toContain(undefined);
    },
  );

  it.each<[string, readonly string[], BasesPolicy]>([
    ["a secret cookie", ["Cookie", SID], "session"],
    ["Authorization", ["Authorization", "Basic a"], "session"],
    ["a field that may be a secret", ["X-Session-Id", LONG], "session"],
    ["nothing, where pages are everybody's", [], "site"],
    ["nothing, where there are no bases", [], "off"],
  ])("is not who shows %s", (_, request, policy) => {
    const by = rulesFor(policy);
    expect(by.addressed(by.credentialsOf(request), HOME)).toBeUndefined();
  });

  it("leaves no address behind, but what the daemon's secret makes of it", () => {
    const other = new ScopeRules({ bases: "session", harmlessCookies: [] }, Buffer.alloc(32, 2));
    const [here, there] = [at(HOME, [], PRIVATE), at(HOME, [], PRIVATE, { by: other })];
    expect(owner(here)).not.toBe(owner(there));
    expect(marksOf(here)).not.toEqual(marksOf(there));
    expect(JSON.stringify([owner(here), marksOf(here)])).not.toContain("81.2.69");
  });
});

describe("a response that sets cookies", () => {
  it("belongs to the session that the next request will show", () => {
    const next = sessionOf(`${SID}; user=${LONG}`);
    expect(owner(scope(["Cookie", SID], ["Set-Cookie", `user=${LONG}; Path=/; HttpOnly`]))).toBe(next);
    expect(owner(scope(["Cookie", `user=old; ${SID}`], ["Set-Cookie", `user=${LONG}`]))).toBe(next);
    expect(owner(scope([], ["Set-Cookie", SID, "set-cookie", ` user = ${LONG} ;Secure`]))).toBe(next);
  });

  it("costs no more than it has cookies and sets cookies", () => {
    const times = dearerAtOnce(30_000, 1_000, (count) => {
      const names = Array.from({ length: count }, (_, i) => `n${i}=${LONG}`);
      const request = ["Cookie", names.join("; ")];
      const response = names.flatMap((name) => ["Set-Cookie", name]);
      expect(owner(scope(request, response))).toBe(sessionOf(names.join("; ")));
    });
    expect(times, "each with each it is twenty").toBeLessThan(8);
  });

  it("counts the last of those that it sets of one name", () => {
    const other = "00112233445566778899aabbccddeeff";
    const set = ["Set-Cookie", `user=${other}`, "Set-Cookie", `user=${LONG}`];
    expect(owner(scope(["Cookie", SID], set))).toBe(sessionOf(`${SID}; user=${LONG}`));
  });

  it("is nobody's where one of two of a name is taken away by something short", () => {
    expect(scope(["Cookie", `user=guest; user=${LONG}`], ["Set-Cookie", "user=guest"]).kind).toBe("nobody");
  });

  it("stays with the session when it sets what was there, or harmless ones", () => {
    expect(owner(scope(["Cookie", SID], ["Set-Cookie", `${SID}; Max-Age=3600`]))).toBe(sessionOf(SID));
    expect(owner(scope(["Cookie", SID], ["Set-Cookie", "_ga=2"]))).toBe(sessionOf(SID));
  });

  it("removes what was not there without harm", () => {
    expect(
      owner(scope(["Cookie", SID], ["Set-Cookie", "flash=; expires=Thu, 01 Jan 1970 00:00:00 GMT"])),
    ).toBe(sessionOf(SID));
    expect(owner(scope(["Cookie", SID], ["Set-Cookie", "flash=deleted; Max-Age=0"]))).toBe(sessionOf(SID));
  });

  it.each([
    ["removes a credential", ["Cookie", `${SID}; lang=en`], ["Set-Cookie", "sid=x; Max-Age=0"]],
    [
      "leaves only what many may share",
      ["Cookie", `${SID}; prefs=${LONG}`],
      ["Set-Cookie", "sid=; Max-Age=0"],
    ],
    ["removes one, by a negative age", ["Cookie", SID], ["Set-Cookie", `sid=${LONG}; max-age = -1`]],
    [
      "removes one, by the last of two ages",
      ["Cookie", SID],
      ["Set-Cookie", `sid=${LONG}; Max-Age=9; Max-Age=0`],
    ],
    ["empties one", ["Cookie", SID], ["Set-Cookie", "sid="]],
    ["puts a word in its place", ["Cookie", SID], ["Set-Cookie", "sid=deleted"]],
    ["gives a stranger a word", [], ["Set-Cookie", "sid=deleted"]],
    ["gives a stranger an empty cookie", [], ["Set-Cookie", "sid="]],
  ])("is nobody's when it %s", (_, request, response) => {
    expect(scope(request, response).kind).toBe("nobody");
  });

  it("needs a value as long as a secret to make a session of a stranger", () => {
    const set = (chars: number) => scope([], ["Set-Cookie", `sid=${"s".repeat(chars)}`]).kind;
    expect(set(LEAST_SECRET_CHARS - 1)).toBe("nobody");
    expect(set(LEAST_SECRET_CHARS)).toBe("session");
  });
});

describe("nobody's", () => {
  it("is a personal page for a visitor known by preferences alone", () => {
    expect(scope(["Cookie", "lang=en; theme=dark"], ["Cache-Control", "private"]).kind).toBe("nobody");
    expect(scope(["Cookie", "lang=en; theme=dark"]).kind).toBe("session");
  });

  it("is a part of a page", () => {
    expect(scope([], [], rules, 206).kind).toBe("nobody");
    expect(scope([], [], rulesFor("site"), 206).kind).toBe("nobody");
  });
});

describe("policies", () => {
  it("`site` makes everything public and asks for nobody's session", () => {
    const site = rulesFor("site");
    expect(site.credentialsOf(["Cookie", SID]).session).toBeUndefined();
    expect(scope(["Cookie", SID], ["Cache-Control", "private"], site)).toEqual({
      kind: "public",
      retention: "keep",
    });
    expect(scope([], ["Cache-Control", "no-store"], site)).toEqual({ kind: "public", retention: "no-store" });
  });

  it("`url` scopes as `session` does", () => {
    expect(scope(["Cookie", SID], [], rulesFor("url")).kind).toBe("session");
    expect(scope([], [], rulesFor("url")).kind).toBe("public");
  });

  it("`off` remembers nothing", () => {
    expect(scope([], [], rulesFor("off")).kind).toBe("nobody");
  });
});

describe("marks", () => {
  const marks = (request: readonly string[], response: readonly string[] = []) => {
    const of = scope(request, response);
    return of.kind === "session" ? of.marks?.() : undefined;
  };

  it("are there where nothing but the request's cookies made it a session's", () => {
    expect(marks(["Cookie", SID])).toHaveLength(1);
    expect(marks(["Cookie", SID], ["Set-Cookie", SID])).toBeUndefined();
    expect(marks(["Authorization", `Bearer ${LONG}`, "Cookie", SID])).toBeUndefined();
  });

  it("are one for each cookie that tells people apart, and the same wherever it stands", () => {
    const [mark] = marks(["Cookie", SID]) ?? [];
    expect(marks(["Cookie", `a=${"x".repeat(LEAST_TELLING_CHARS - 1)}; ${SID}`])).toEqual([mark]);
    expect(marks(["Cookie", `a=${"x".repeat(LEAST_TELLING_CHARS)}; ${SID}`])).toHaveLength(2);
    expect(marks(["Cookie", `a=${"x".repeat(LEAST_TELLING_CHARS)}; ${SID}`])).toContain(mark);
  });

  it("are not computed for a flood of cookies", () => {
    const flood = (cookies: number) => [
      "Cookie",
      Array.from({ length: cookies }, (_, at) => `c${at}=${LONG}`).join(";"),
    ];
    expect(marks(flood(MOST_MARKS))).toHaveLength(MOST_MARKS);
    expect(marks(flood(MOST_MARKS + 1))).toEqual([]);
  });
});

describe("kin", () => {
  const joinedIdentities = (request: readonly string[], response: readonly string[]) =>
    rules.answered({ credentials: rules.credentialsOf(request), method: "GET", status: 200, response })
      ?.joined ?? [];
  const joined = (of: Scope) => (of.kind === "session" ? (of.joined?.() ?? "none") : of.kind);

  it("of a session is known also where its page is personal, but not behind a header", () => {
    const asked = ["Cookie", SID];
    for (const cacheControl of ["private", "no-store", "public"])
      expect(joined(scope(asked, ["Cache-Control", cacheControl]))).toHaveLength(1);
    expect(joined(scope([...asked, "Authorization", "Bearer x"]))).toBe("none");
  });

  it("joins what was shown with what takes its place, as both will be shown", () => {
    const [before, after] = joinedIdentities(["Cookie", SID], ["Set-Cookie", `sid=${LONG}; HttpOnly`]);
    expect(joined(scope(["Cookie", SID]))).toEqual([before]);
    expect(joined(scope(["Cookie", `sid=${LONG}`]))).toEqual([after]);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ["a response that sets no cookie", ["Cookie", SID], []],
    ["a response that sets harmless ones", ["Cookie", SID], ["Set-Cookie", "_ga=GA1.2.3456789"]],
    ["a visitor who showed nothing", [], ["Set-Cookie", `sid=${LONG}`]],
  ])("says nothing of %s", (_, request, response) => expect(joinedIdentities(request, response)).toEqual([]));

  it("leaves out what is taken away or too short to tell people apart", () => {
    expect(
      joinedIdentities(["Cookie", SID], ["Set-Cookie", "sid=; Max-Age=0", "Set-Cookie", "a=b"]),
    ).toHaveLength(1);
  });
});

describe("common bases", () => {
  it.each<[BasesPolicy, boolean | undefined, boolean]>([
    ["session", undefined, true],
    ["session", true, true],
    ["session", false, false],
    ["site", true, false],
    ["url", true, false],
    ["off", true, false],
  ])("under `%s`, set to %s: %s", (bases, commonBases, expected) => {
    const policy = { bases, harmlessCookies: [], ...(commonBases !== undefined && { commonBases }) };
    expect(new ScopeRules(policy, SECRET).commonBases).toBe(expected);
  });
});

describe("hostile headers", () => {
  it("are read in time that grows with their length", () => {
    // Quadratic reading of these would take minutes, and the test with it.
    const many = 200_000;
    const nasty = [
      '"\\"'.repeat(many),
      '"'.repeat(many),
      `${'"a'.repeat(many)}\\`,
      ", ".repeat(many),
      "\\".repeat(many),
    ];
    for (const value of nasty)
      scope(["Cookie", value], ["Cache-Control", value, "Set-Cookie", `a=b;${value}`]);
    scope(
      [],
      [
        "Set-Cookie",
        `a=${LONG};${" ".repeat(many)}max-age${" ".repeat(many)}=x${"; max-age=1".repeat(many / 10)}`,
      ],
    );
    expect(scope(["Cookie", ";".repeat(many)]).kind).toBe("public");
  });
});
