/** What an edge reads of the question which versions to erase. */
import { expect, it } from "vitest";
import { type ForgetWhat, forgetDuty } from "../../../edge-side/command/forget.ts";

it.each([
  ["/news?page=2", "/news?page=2"],
  ["/caf\u00e9/\u{1f600}?q=a b", "/caf%C3%A9/%F0%9F%98%80?q=a%20b"],
  ["/caf%C3%A9%zz", "/caf%C3%A9%zz"],
  ["/news#comments", "/news"],
  ["/\ud800", "/%EF%BF%BD"],
])("the URL %j is the one that browsers send for it", async (url, sent) => {
  const asked: ForgetWhat[] = [];
  const duty = forgetDuty(async (what) => asked.push(what));
  expect(await duty({ host: "www.example.com", url })).toEqual({ status: 200, body: { forgotten: 1 } });
  expect(asked).toEqual([{ host: "www.example.com", url: sent }]);
});
