/** bench/frameworks/apps/browser.ts: cookies come back, deleted ones do not; forms and their hidden fields. */
import { expect, it } from "vitest";
import { browserOf, hiddenField } from "../../../../bench/frameworks/apps/browser.ts";
import type { Visit, VisitedPage } from "../../../../bench/rig/visitor.ts";

const answer = (body = "", setCookie: string[] = []): VisitedPage => ({
  status: 200,
  headers: { "set-cookie": setCookie },
  rawHeaders: [],
  body: Buffer.from(body),
});

const browserAnswered = (keepsCookies: boolean, ...setCookies: readonly string[][]) => {
  const asked: Visit[] = [];
  const ask = async (visit: Visit) => answer("", setCookies[asked.push(visit) - 1]);
  return { asked, browser: browserOf(ask, { host: "a.test", network: "192.0.2.1", keepsCookies }) };
};

it("sends back what was set, renewed or not, and not what was deleted", async () => {
  const { asked, browser } = browserAnswered(
    true,
    ["a=1; Path=/; HttpOnly", "b=2"],
    ["a=3", "b=; Max-Age=0"],
    ["a=; expires=Thu, 01 Jan 1970 00:00:00 GMT"],
  );
  for (let count = 0; count < 4; count += 1) await browser.get("/");
  expect(asked.map(({ cookie }) => cookie)).toEqual([undefined, "a=1; b=2", "a=3", undefined]);
});

it("keeps nothing for who keeps no cookies", async () => {
  const { asked, browser } = browserAnswered(false, ["a=1"]);
  for (let count = 0; count < 2; count += 1) await browser.get("/");
  expect(asked.map(({ cookie }) => cookie)).toEqual([undefined, undefined]);
});

it("says the cookie XSRF-TOKEN again in what scripts ask for, decoded", async () => {
  const { asked, browser } = browserAnswered(true, ["XSRF-TOKEN=a%2Bb%3D; Path=/"]);
  for (const path of ["/api/before", "/", "/api/after"]) await browser.get(path);
  expect(asked.map(({ xsrfToken }) => xsrfToken)).toEqual([undefined, undefined, "a+b="]);
});

it("posts a form from its page", async () => {
  const { asked, browser } = browserAnswered(true);
  await browser.post("/login", { name: "a b", token: "+" });
  expect(asked[0]).toMatchObject({ form: "name=a+b&token=%2B", referer: "http://a.test/login" });
});

it("finds a hidden field whatever the order of attributes, and says when there is none", () => {
  expect(hiddenField(answer(`<input type='hidden' name='t' value='a&#43;b'>`), "t")).toBe("a+b");
  expect(hiddenField(answer(`<input value="x" name="t" type="hidden" />`), "t")).toBe("x");
  expect(() => hiddenField(answer("<p>"), "t")).toThrow("no field t in a page of status 200");
});
