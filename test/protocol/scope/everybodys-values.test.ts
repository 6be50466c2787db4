import { describe, expect, it } from "vitest";
import { Evidence } from "../../../protocol/scope/public-evidence.ts";
import { ScopeRules } from "../../../protocol/scope/scope.ts";

const rulesWith = () => new ScopeRules({ bases: "session", harmlessCookies: [] }, Buffer.alloc(32, 5));

const HOST = "one.test";

interface Visit {
  readonly cookie?: string;
  readonly sets: readonly string[];
  readonly method?: string;
  readonly target?: string;
  readonly status?: number;
  readonly authenticated?: boolean;
  /** Of whom nobody knows the address: undefined. */
  readonly network?: string | undefined;
}

let networks = 0;

/** Marks of the visitor who shows next what the answer gave. */
const marksAfter = (rules: ScopeRules, visit: Visit): readonly string[] => {
  const { cookie, sets, method = "GET", target = "/", status = 200, authenticated = false } = visit;
  const network = "network" in visit ? visit.network : `192.0.2.${networks++}`;
  const credentials = rules.credentialsOf(cookie === undefined ? [] : ["Cookie", cookie], HOST);
  const response = sets.flatMap((each) => ["Set-Cookie", each]);
  const addressed =
    network === undefined ? undefined : rules.addressed(credentials, { owner: network, network });
  rules.answered({ credentials, method, target, status, response, authenticated, addressed });
  return rules.credentialsOf(["Cookie", [cookie ?? [], sets].flat().join("; ")], HOST).marks();
};

const peopleIn = (visits: readonly (readonly string[])[]): number => {
  const evidence = new Evidence();
  for (const marks of visits) evidence.add(marks);
  return evidence.identities;
};

/** So many visits, each with a session of its own beside what `visitOf` says of it. */
const people = (visitOf: (n: number) => Visit): number => {
  const rules = rulesWith();
  const visits = Array.from({ length: 8 }, (_, n) => {
    const visit = visitOf(n);
    return marksAfter(rules, { ...visit, sets: [`sid=${n}-0123456789abcdef`, ...visit.sets] });
  });
  return peopleIn(visits.slice(-3));
};

const CONSENT = "consent=%7B%22all%22%3Afalse%7D";
const NOW = "last=1790000000";

describe("a value that answers give to everybody makes no one person of all", () => {
  it.each<[string, readonly string[]]>([
    ["a long one", [CONSENT]],
    ["a short one", ["currency=EUR-base"]],
    ["the time of the visit", [NOW]],
    ["the time in milliseconds, and more", ["last=1790000000123", CONSENT, "theme=dark-blue"]],
  ])("%s, to strangers", (_, sets) => expect(people(() => ({ sets }))).toBe(3));

  it("the time of the visit, to sessions", () => {
    expect(people((n) => ({ cookie: `last=17899999${10 + n}; user=${n}`, sets: [NOW] }))).toBe(3);
  });
});

describe("a value that may be one person's makes one of all who have it", () => {
  it.each<[string, (n: number) => Visit]>([
    ["it was posted for", () => ({ sets: [CONSENT], method: "POST" })],
    ["it came with a redirect", () => ({ sets: [CONSENT], status: 302 })],
    ["the address may say who asks", () => ({ sets: [CONSENT], target: "/in?t=9f8a7b6c5d4e3f2a1b0c" })],
    ["the address asks for it", () => ({ sets: [CONSENT], target: `/?set=${CONSENT.slice(8)}` })],
    [
      "the address asks for it, written otherwise",
      () => ({ sets: [CONSENT], target: '/?set=%7b"all":false}' }),
    ],
    [
      "the address has a query, which may be his password",
      () => ({ sets: [CONSENT], target: "/in?code=123456" }),
    ],
    ["it may hide another cookie", () => ({ sets: ['name="ann,bob"'] })],
    ["the connection may say who asks", () => ({ sets: [CONSENT], authenticated: true })],
    ["who asks shows something", () => ({ sets: [CONSENT], cookie: "remember=me" })],
    ["he shows it himself", () => ({ sets: [], cookie: "last=1790000000" })],
    ["a time that was posted for", () => ({ sets: [NOW], method: "POST" })],
  ])("%s", (_, visitOf) => expect(people(visitOf)).toBe(1));

  it.each([
    ["one network", "192.0.2.0"],
    ["networks that nobody knows", undefined],
  ])("strangers of %s were given it", (_, network) =>
    expect(people(() => ({ sets: [CONSENT], network }))).toBe(1),
  );

  it("two strangers were given it", () => {
    const rules = rulesWith();
    const visits = [0, 1].map((n) => marksAfter(rules, { sets: [`sid=${n}-0123456789abcdef`, CONSENT] }));
    expect(peopleIn(visits)).toBe(1);
  });

  it("one session was given that time again and again", () => {
    const rules = rulesWith();
    const seen = (cookie: string) => marksAfter(rules, { cookie, sets: [NOW] });
    for (let n = 0; n < 4; n++) seen("sid=one-0123456789abcdef; last=1789999999");
    expect(seen("sid=one-0123456789abcdef; last=1789999999")).toHaveLength(3);
  });
});

describe("a pair that three strangers were given", () => {
  const LANGUAGE = "lang=en";
  const SID = "sid=0-0123456789abcdef";
  const told = (sets: readonly string[], strangers = 3): ScopeRules => {
    const rules = rulesWith();
    for (let n = 0; n < strangers; n++) marksAfter(rules, { sets });
    return rules;
  };
  const scopeOf = (rules: ScopeRules, cookie: string, sets: readonly string[] = []) => {
    const credentials = rules.credentialsOf(cookie === "" ? [] : ["Cookie", cookie], HOST);
    const response = sets.flatMap((each) => ["Set-Cookie", each]);
    return rules.scopeOf({ credentials, target: "/", status: 200, response }).kind;
  };

  it.each([LANGUAGE, CONSENT])("is no credential: %s", (pair) => {
    const rules = told([pair]);
    expect(rules.credentialsOf(["Cookie", pair], HOST).none).toBe(true);
    expect(scopeOf(rules, "", [pair])).toBe("public");
    expect(scopeOf(rules, pair)).toBe("public");
    const session = (cookie: string) => rules.credentialsOf(["Cookie", cookie], HOST).session;
    expect(session(`${pair}; ${SID}`)).toBe(session(SID));
  });

  it("is one before the third was, and another value of that name still is", () => {
    expect(scopeOf(told([LANGUAGE], 2), LANGUAGE)).toBe("session");
    const rules = told([LANGUAGE]);
    expect(scopeOf(rules, "lang=de")).toBe("session");
    expect(scopeOf(rules, "", ["lang=de"])).toBe("nobody");
  });

  it("is one at another host, though that has the same rules and the same cookies", () => {
    const rules = told([LANGUAGE, NOW]);
    expect(rules.credentialsOf(["Cookie", LANGUAGE], "two.test").none).toBe(false);
    expect(rules.credentialsOf(["Cookie", NOW], HOST).marks()).toEqual([]);
    expect(rules.credentialsOf(["Cookie", NOW], "two.test").marks()).toHaveLength(1);
  });

  it("is one in the place of another credential: that one is lost", () => {
    const rules = told(["user=guest"]);
    const credentials = rules.credentialsOf(["Cookie", `${SID}; user=ann-0123456789ab`], HOST);
    const response = ["Set-Cookie", "user=guest"];
    expect(rules.scopeOf({ credentials, status: 200, response }).kind).toBe("nobody");
  });
});
