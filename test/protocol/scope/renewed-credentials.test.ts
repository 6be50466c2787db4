import { describe, expect, it } from "vitest";
import { CookieHistory, MOST_CONTINUED } from "../../../protocol/scope/cookie-history.ts";
import type { Renewal, SessionKey } from "../../../protocol/scope/credentials.ts";
import { type Scope, ScopeRules } from "../../../protocol/scope/scope.ts";

const SECRET = Buffer.alloc(32, 1);
const rulesWith = (history = new CookieHistory()) =>
  new ScopeRules({ bases: "session", harmlessCookies: [] }, SECRET, history);
/** A value as long as secrets are. */
const long = (name: string) => `${name}-0123456789abcdef`;

interface Exchange {
  readonly cookie?: string;
  readonly sets?: readonly string[];
  readonly method?: string;
  readonly status?: number;
  readonly fields?: readonly string[];
}

/** One answer, as the edge sees it. */
const answer = (
  rules: ScopeRules,
  { cookie = "", sets = [], method = "GET", status = 200, fields = [] }: Exchange,
): { renewal: Renewal | undefined; session: SessionKey | undefined; scope: Scope } => {
  const credentials = rules.credentialsOf(["Cookie", cookie]);
  const response = [...fields, ...sets.flatMap((each) => ["Set-Cookie", each])];
  const { session } = credentials;
  const renewal = rules.answered({ credentials, method, status, response })?.renewal;
  return { renewal, session, scope: rules.scopeOf({ credentials, status, response }) };
};

const sessionOf = (rules: ScopeRules, cookie: string) => rules.credentialsOf(["Cookie", cookie]).session;
const OLD = `sid=${long("old")}`;
const NEW = `sid=${long("new")}`;

describe("a renewed secret", () => {
  it.each<[string, Exchange]>([
    ["GET with 200", {}],
    ["GET with 304", { status: 304 }],
    ["HEAD", { method: "HEAD" }],
    ["an answer that sets a harmless cookie too", { sets: [`${NEW}; HttpOnly`, "_ga=GA1.2.3"] }],
    ["an answer that sets another one as it was", { cookie: `${OLD}; a=b`, sets: [NEW, "a=b"] }],
    ["an answer that removes what is not there", { sets: [NEW, "flash=; Max-Age=0"] }],
    ["an answer that renews two", { cookie: `${OLD}; xsrf=${long("x")}`, sets: [NEW, `xsrf=${long("y")}`] }],
  ])("makes the old session's versions the new one's: %s", (_, exchange) => {
    const rules = rulesWith();
    const { renewal, session, scope } = answer(rules, { cookie: OLD, sets: [NEW], ...exchange });
    expect(renewal?.from).toBe(session);
    expect(scope).toMatchObject({ kind: "session", session: renewal?.to });
  });

  it.each<[string, Exchange]>([
    ["POST", { method: "POST" }],
    ["a redirect", { status: 302 }],
    ["an error", { status: 403 }],
    ["an answer that clears what the site left", { fields: ["clear-site-data", '"cookies"'] }],
    ["an answer that sets another cookie too", { sets: [NEW, `user=${long("u")}`] }],
    ["an answer that sets a short one too", { sets: [NEW, "user=7"] }],
    ["an answer that removes another one", { cookie: `${OLD}; user=7`, sets: [NEW, "user=; Max-Age=0"] }],
    ["an answer that changes a short one", { cookie: `${OLD}; user=7`, sets: [NEW, "user=8"] }],
    ["an answer that changes another name only", { sets: [`other=${long("new")}`] }],
    ["a word in its place", { sets: ["sid=guest"] }],
    ["a secret in a word's place", { cookie: "sid=guest" }],
    ["one of two of its name", { cookie: `${OLD}; sid=${long("other")}` }],
    ["a stranger", { cookie: "" }],
  ])("leaves the old session's versions where they are: %s", (_, exchange) => {
    const { renewal } = answer(rulesWith(), { cookie: OLD, sets: [NEW], ...exchange });
    expect(renewal?.from).toBeUndefined();
  });

  it("inherits nothing where its value was given to another session before", () => {
    const rules = rulesWith();
    answer(rules, { cookie: `sid=${long("bob")}`, sets: [NEW], method: "POST", status: 302 });
    expect(answer(rules, { cookie: OLD, sets: [NEW] }).renewal?.from).toBeUndefined();
  });

  it.each<[string, string]>([
    ["a stranger", ""],
    ["one who has it", NEW],
  ])("inherits nothing where its value was given to %s before", (_, cookie) => {
    const rules = rulesWith();
    answer(rules, { cookie, sets: [NEW] });
    expect(answer(rules, { cookie: OLD, sets: [NEW] }).renewal?.from).toBeUndefined();
  });

  it("loses what it inherited when its value is given to somebody else", () => {
    const rules = rulesWith();
    const { renewal } = answer(rules, { cookie: OLD, sets: [NEW] });
    const { renewal: voided } = answer(rules, { cookie: `sid=${long("bob")}`, sets: [NEW] });
    expect(voided).toEqual({ from: undefined, to: renewal?.to });
  });

  it("may be given to one session twice, as by two answers under way at once", () => {
    const rules = rulesWith();
    const [first, second] = [1, 2].map(() => answer(rules, { cookie: OLD, sets: [NEW] }).renewal);
    expect(second).toEqual(first);
    expect(first?.from).toBeDefined();
  });

  it("is known as given after a reload", () => {
    const history = new CookieHistory();
    answer(rulesWith(history), { cookie: `sid=${long("bob")}`, sets: [NEW] });
    expect(answer(rulesWith(history), { cookie: OLD, sets: [NEW] }).renewal?.from).toBeUndefined();
  });
});

/** Answers that put these short values in place of each other, in turn. */
const replace = (rules: ScopeRules, beside: string, ...values: readonly string[]) =>
  values
    .slice(1)
    .map((value, at) => answer(rules, { cookie: `${beside}; seen=${values[at]}`, sets: [`seen=${value}`] }));

describe("a short value that a session's own answers replace", () => {
  it("may be a login the first time, and leaves the session's key from the second on", () => {
    const rules = rulesWith();
    const [first, second, third] = replace(
      rules,
      OLD,
      "1700000001",
      "1700000002",
      "1700000003",
      "1700000004",
    );
    expect(first?.scope.kind).toBe("nobody");
    expect(second?.scope).toMatchObject({ kind: "session", session: second?.session });
    expect(third?.scope).toMatchObject({ kind: "session", session: second?.session });
    expect(sessionOf(rules, `${OLD}; seen=1700000004`)).toBe(second?.session);
  });

  it("does so whatever the method, and goes on where the secret is renewed too", () => {
    const rules = rulesWith();
    replace(rules, OLD, "a", "b", "c");
    const posted = answer(rules, { cookie: `${OLD}; seen=c`, sets: ["seen=d"], method: "POST", status: 302 });
    expect(sessionOf(rules, `${OLD}; seen=d`)).toBe(posted.session);
    const { renewal } = answer(rules, { cookie: `${OLD}; seen=d`, sets: [NEW, "seen=e"] });
    expect(renewal).toEqual({ from: posted.session, to: sessionOf(rules, `${NEW}; seen=e`) });
    const after = answer(rules, { cookie: `${NEW}; seen=e`, sets: ["seen=f"] });
    expect(after.scope).toMatchObject({ kind: "session", session: renewal?.to });
  });

  it("is counted by its name", () => {
    const rules = rulesWith();
    replace(rules, `${OLD}; user=0`, "a", "b", "c");
    const { scope } = answer(rules, { cookie: `${OLD}; user=0; seen=c`, sets: ["user=7", "seen=d"] });
    expect(scope.kind).toBe("nobody");
  });

  it("stays in the key of everybody else: an identity beside a long value that others have too", () => {
    const rules = rulesWith();
    const theme = `theme=${long("dark")}`;
    replace(rules, theme, "alice-1", "alice-2", "alice-3");
    const [alice, bob, nobody] = [`${theme}; seen=alice-3`, `${theme}; seen=bob-1`, theme].map((each) =>
      sessionOf(rules, each),
    );
    expect(new Set([alice, bob, nobody]).size).toBe(3);
  });

  it("does so too where a request lacks a cookie that only some paths are sent", () => {
    const rules = rulesWith();
    replace(rules, `${OLD}; admin=${long("admin")}`, "a", "b", "c", "d");
    const [b, c, d, stranger] = ["b", "c", "d", "x"].map((seen) => sessionOf(rules, `${OLD}; seen=${seen}`));
    expect([c, d]).toEqual([b, b]);
    expect(stranger).not.toBe(b);
    expect(sessionOf(rules, `${OLD}; admin=${long("admin")}; seen=d`)).not.toBe(b);
  });

  it("may be a login for everybody else, whatever long value they share", () => {
    const rules = rulesWith();
    const theme = `theme=${long("dark")}`;
    replace(rules, `${theme}; ${OLD}`, "a", "b", "c", "d");
    const [other] = replace(rules, `${theme}; sid=${long("bob")}`, "c", "d");
    expect(other?.scope.kind).toBe("nobody");
  });

  it("makes nobody of two who both began with it, however many do", () => {
    const rules = rulesWith();
    const theme = `theme=${long("dark")}`;
    for (const user of ["seven", "eight", "nine"]) {
      const [login] = replace(rules, theme, "guest", user);
      expect(login?.scope.kind).toBe("nobody");
    }
    const sessions = ["seven", "eight", "nine"].map((user) => sessionOf(rules, `${theme}; seen=${user}`));
    expect(new Set(sessions).size).toBe(3);
  });

  it("is a logout where a word takes a secret's place, however often", () => {
    const rules = rulesWith();
    for (let time = 0; time < 4; time++)
      expect(answer(rules, { cookie: OLD, sets: ["sid=guest"] }).scope.kind).toBe("nobody");
  });

  it("takes no more room than is said", () => {
    const history = new CookieHistory();
    const last = MOST_CONTINUED;
    for (let at = 0; at <= last; at++) history.replaced(["long"], undefined, `short ${at}`);
    expect([0, last].map((at) => history.continued(["long"], `short ${at}`)?.times)).toEqual([undefined, 1]);
  });
});

describe("a long value", () => {
  const THEME = `theme=${long("dark")}`;
  const PRIVATE = { fields: ["Cache-Control", "private"] };
  const visit = (rules: ScopeRules, cookie: string) => answer(rules, { ...PRIVATE, cookie }).scope.kind;

  it("that comes with three different short ones of a name is no secret by itself", () => {
    const rules = rulesWith();
    const kinds = ["alice", "bob", "carol"].map((id) => visit(rules, `${THEME}; id=${id}`));
    expect(kinds).toEqual(["session", "session", "nobody"]);
    expect(visit(rules, THEME)).toBe("nobody");
    expect(visit(rules, `${THEME}; ${OLD}`), "beside a secret").toBe("session");
  });

  it.each<[string, readonly string[]]>([
    ["the same one again and again", ["id=a", "id=a", "id=b", "id=b"]],
    ["one of each name", ["id=a", "lang=b", "size=c"]],
    ["times of visits", ["seen=1700000001", "seen=1700000002", "seen=1700000003"]],
  ])("stays one where it comes with %s", (_, shorts) => {
    const rules = rulesWith();
    for (const short of shorts) expect(visit(rules, `${THEME}; ${short}`)).toBe("session");
    expect(visit(rules, THEME)).toBe("session");
  });

  it("stays one where its own answers replaced the short ones", () => {
    const rules = rulesWith();
    replace(rules, THEME, "a", "b", "c", "d", "e");
    for (const value of ["a", "b", "c", "d", "e"]) visit(rules, `${THEME}; seen=${value}`);
    expect(visit(rules, `${THEME}; seen=e`)).toBe("session");
  });
});

describe("a header against forged requests", () => {
  const rules = rulesWith();
  const shown = (cookie: string, ...fields: string[]) => rules.credentialsOf([...fields, "Cookie", cookie]);
  const TOKEN = `${long("t")}/+=`;
  const COOKIES = `${OLD}; XSRF-TOKEN=${encodeURIComponent(TOKEN)}`;

  it.each([
    ["repeats a cookie, decoded", "X-XSRF-TOKEN", TOKEN],
    ["is masked anew with each page", "X-CSRFToken", long("masked")],
    ["is short", "csrf-token", "1"],
  ])("makes no session of its own beside a secret: one that %s", (_, name, value) => {
    expect(shown(COOKIES, name, value).session).toBe(shown(COOKIES).session);
    expect(shown(COOKIES, name, value).hasHeader).toBe(false);
    const bearer = ["Authorization", "Bearer a"];
    expect(shown("", ...bearer, name, value).session).toBe(shown("", ...bearer).session);
  });

  it("goes on with the cookie that it repeats", () => {
    const renewed = `${NEW}; XSRF-TOKEN=${long("u")}`;
    const credentials = shown(COOKIES, "X-XSRF-TOKEN", TOKEN);
    const response = renewed.split("; ").flatMap((each) => ["Set-Cookie", each]);
    const renewal = rules.answered({ credentials, method: "GET", status: 200, response })?.renewal;
    expect(renewal).toEqual({
      from: shown(COOKIES).session,
      to: shown(renewed, "X-XSRF-TOKEN", long("u")).session,
    });
  });

  it.each([
    ["has no secret beside it", "", "X-XSRF-TOKEN", TOKEN],
    ["has a short cookie beside it", "csrf=short", "X-CSRF-Token", "short"],
    ["has a harmless one beside it", `_ga=${long("g")}`, "X-CSRF-Token", long("g")],
    ["says by its name that it is something else", COOKIES, "X-Session-Id", TOKEN],
    ["is known to be a secret", COOKIES, "X-Api-Key", TOKEN],
  ])("is a credential where it %s", (_, cookie, name, value) => {
    expect(shown(cookie, name, value).session).not.toBe(shown(cookie).session);
    expect(shown(cookie, name, value).hasHeader).toBe(true);
  });

  it("is a credential beside a long cookie that several people have", () => {
    const rules = rulesWith();
    const theme = `theme=${long("dark")}`;
    for (const user of ["ann", "bob", "eve"])
      rules.credentialsOf(["Cookie", `${theme}; user=${user}`]).noteCompany();
    const [ours, theirs] = [long("ours"), long("theirs")].map(
      (token) => rules.credentialsOf(["X-CSRF-Token", token, "Cookie", theme]).session,
    );
    expect(ours).not.toBe(theirs);
  });

  it("is a credential where an operator names it as one", () => {
    const named = { bases: "session", harmlessCookies: [], credentialHeaders: ["X-CSRF-Token"] } as const;
    const rules = new ScopeRules(named, SECRET);
    const [ours, theirs] = [long("ours"), long("theirs")].map(
      (token) => rules.credentialsOf(["X-CSRF-Token", token, "Cookie", OLD]).session,
    );
    expect(ours).not.toBe(theirs);
  });
});
