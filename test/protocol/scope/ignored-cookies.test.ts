import { describe, expect, it } from "vitest";
import { HARMLESS_COOKIES, nameMatcher } from "../../../protocol/scope/ignored-cookies.ts";

const harmless = nameMatcher(HARMLESS_COOKIES);

describe("the list of harmless cookies", () => {
  it.each([
    ..."_ga _ga_X1 _gid _gat_UA-1 _gcl_au __utma __utmz _fbp _fbc _hjSession_1 _hjid _pk_id.1.ab mtm_consent".split(
      " ",
    ),
    ..."OptanonConsent OptanonAlertBoxClosed CookieConsent cookieconsent_status euconsent-v2 __gads __gpi".split(
      " ",
    ),
    ..."cookielawinfo-checkbox-necessary viewed_cookie_policy _uetsid _uetvid _clck _clsk _ym_uid".split(" "),
    ..."ajs_anonymous_id mp_0123abc_mixpanel __cf_bm AWSALBCORS".split(" "),
  ])("has %s", (name) => expect(harmless(name)).toBe(true));

  it.each([
    ..."PHPSESSID JSESSIONID sessionid session connect.sid laravel_session XSRF-TOKEN csrftoken sid id".split(
      " ",
    ),
    ..."wordpress_logged_in_abc wordpress_sec_x wp-settings-1 woocommerce_cart_hash remember_token auth".split(
      " ",
    ),
    ..."ASP.NET_SessionId .AspNetCore.Identity.Application ajs_user_id _GA _gax ga lang theme cart token jwt".split(
      " ",
    ),
    ...["", "_session_id", "__Host-session", "__Secure-next-auth.session-token", "mp_mixpanel", "amplitude"],
  ])("has not %j", (name) => expect(harmless(name)).toBe(false));

  it("names each cookie once, and no pattern matches everything", () => {
    expect(new Set(HARMLESS_COOKIES).size).toBe(HARMLESS_COOKIES.length);
    for (const pattern of HARMLESS_COOKIES) expect(pattern.replace("*", "").length).toBeGreaterThan(2);
  });
});

describe("nameMatcher", () => {
  it("lets a star stand for nothing, but not for shared letters", () => {
    const match = nameMatcher(["ab*ba"]);
    expect([match("abba"), match("abxba"), match("aba"), match("xabba")]).toEqual([true, true, false, false]);
  });
});
