/** Who may read what off a size, and what the origin side is asked to do about it. SPEC section "What sizes tell". */
import { describe, expect, it } from "vitest";
import { type SizeExposure, sizeExposureOf, sizesFor } from "../../../edge-side/exchange/size-exposure.ts";

const AUTHORITY = "Shop.example:443";
const COOKIE = ["Cookie", "sid=1"];
const NAVIGATION = ["Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"];

const exposureOf = (
  fields: readonly string[],
  { method = "GET", authority = AUTHORITY, secret = true } = {},
) => sizeExposureOf({ method, fields, authority }, secret);

describe("a request that shows a secret", () => {
  it.each<[SizeExposure, string, readonly string[]]>([
    ["own", "with a token that no browser adds by itself", ["Authorization", "Bearer 1"]],
    [
      "own",
      "with a word in a field's place that names a cookie",
      ["X-Kind", "cookie", "Authorization", "Bearer 1"],
    ],
    ["foreign", "logged in by Basic", ["Authorization", "  bASIC YTpi"]],
    [
      "foreign",
      "logged in by Negotiate, with a field that names a scheme before",
      ["X", "Basic", "authorization", "Negotiate YTpi"],
    ],
    ["foreign", "with a cookie, of nobody knows whom", COOKIE],
    ["own", "by a page of the same origin", [...COOKIE, "Sec-Fetch-Site", " Same-Origin "]],
    ["own", "by the visitor", [...COOKIE, "Sec-Fetch-Site", "none", ...NAVIGATION]],
    ["foreign", "by a page of the same site", [...COOKIE, "Sec-Fetch-Site", "same-site"]],
    [
      "foreign",
      "by another site, though a Referer names this one",
      [...COOKIE, "Sec-Fetch-Site", "cross-site", "Referer", "https://shop.example/a"],
    ],
    [
      "own",
      "without Fetch Metadata, with this host as Referer",
      [...COOKIE, "Referer", "https://shop.example/a?b"],
    ],
    [
      "own",
      "without Fetch Metadata, with this host as Origin",
      [...COOKIE, "Origin", "https://shop.example"],
    ],
    [
      "foreign",
      "without Fetch Metadata, with another Origin than its Referer",
      [...COOKIE, "Origin", "https://evil.example", "Referer", "https://shop.example/"],
    ],
    [
      "foreign",
      "without Fetch Metadata, with another port of this host",
      [...COOKIE, "Referer", "https://shop.example:8443/"],
    ],
    [
      "foreign",
      "without Fetch Metadata, with a host that begins like this one",
      [...COOKIE, "Referer", "https://shop.example.evil/"],
    ],
    ["foreign", "without Fetch Metadata, with an Origin that is no URL", [...COOKIE, "Origin", "null"]],
    ["navigation", "led here by another site", [...COOKIE, "Sec-Fetch-Site", "cross-site", ...NAVIGATION]],
    [
      "navigation",
      "led here, by a browser that does not say into what",
      [...COOKIE, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "Navigate "],
    ],
    [
      "foreign",
      "in a frame",
      [...COOKIE, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"],
    ],
    [
      "foreign",
      "by a script, though it says document",
      [...COOKIE, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "document"],
    ],
    [
      "foreign",
      "by a script that accepts HTML",
      [...COOKIE, "Sec-Fetch-Mode", "no-cors", "Accept", "text/html"],
    ],
    [
      "navigation",
      "of an old browser, as it accepts HTML",
      [...COOKIE, "Accept", "image/png, Text/HTML;q=0.9"],
    ],
    ["foreign", "of an old browser, as an image", [...COOKIE, "Accept", "image/png, x-text/html5"]],
  ])("is %s %s", (exposure, _, fields) => {
    expect(exposureOf(fields)).toBe(exposure);
    expect(exposureOf(fields, { secret: false })).toBe("none");
  });

  it("leads nobody anywhere as a POST of an old browser", () =>
    expect(exposureOf([...COOKIE, "Accept", "text/html"], { method: "POST" })).toBe("foreign"));

  it.each([
    ["shop.example", "http://shop.example/"],
    ["shop.example:80", "http://shop.example/"],
    ["shop.example:8080", "http://shop.example:8080/"],
    ["[2001:db8::1]:443", "https://[2001:db8::1]/"],
  ])("is own at %s with the Referer %s", (authority, referer) =>
    expect(exposureOf([...COOKIE, "Referer", referer], { authority })).toBe("own"),
  );
});

describe("the origin side", () => {
  const never = (): number => expect.unreachable("nothing depends on whose offers these are");

  it("is asked nothing where no secret is in the answer", () =>
    expect(sizesFor("none", never)).toBeUndefined());

  it("is asked nothing where all that is offered is the session's own", () =>
    expect(sizesFor("own", () => 0)).toBeUndefined());

  it.each([1, 2, 6])("pads in steps of 64 what builds on the offers of others among these: %i", (others) =>
    expect(sizesFor("own", () => others)).toEqual({ kind: "padded", step: 64, streams: true, others }),
  );

  it("pads in steps of 1024 where another site led the visitor here, and lets nothing stream", () =>
    expect(sizesFor("navigation", never)).toEqual({ kind: "padded", step: 1024, streams: false }));

  it("sends plain what another site may have asked for", () =>
    expect(sizesFor("foreign", never)).toEqual({ kind: "plain" }));
});
