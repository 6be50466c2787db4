import { describe, expect, it } from "vitest";
import { HARMLESS, HARMLESS_COOKIES, nameMatcher } from "../../../protocol/scope/ignored-cookies.ts";

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
    ..."BIGipServerpool_www TS0132ab4c GCLB ApplicationGatewayAffinityCORS INGRESSCOOKIE DO-LB AWSALBAPP-0".split(
      " ",
    ),
    ..."aws-waf-token __ddg1_ __ddgid_ _px3 pxcts reese84 bm_ss dtCookie1a2b rxVisitor tk_ai __stripe_mid wp-settings-time-1".split(
      " ",
    ),
    ..."kndctr_1FD6776A524453CC0A490D44_AdobeOrg_identity intercom-id-ab12cd __kla_id ttcsid_ABC _hp2_id.1".split(
      " ",
    ),
    ..."ASLBSACORS heroku-session-affinity __VCAP_ID__ acw_tc X-Oracle-BMC-LBS-Route __uzmc Hm_lvt_0a1b ABTastySession".split(
      " ",
    ),
    ..."ppms_privacy_1a2b stg_last_interaction SL_C_23361dd035530_SID __lc_cid driftt_aid CookieControl cookie-agreed-version".split(
      " ",
    ),
    ..."CookieScriptConsent osano_consentmanager notice_behavior CONSENTMGR addtl_consent consentUUID".split(
      " ",
    ),
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

  it.each([
    // Of frameworks.
    ..."_rails_session _app_session rack.session laravel_session XSRF-TOKEN csrftoken sessionid PHPSESSID JSESSIONID".split(
      " ",
    ),
    ..."SESSION connect.sid express_sid express:sess koa.sess sails.sid session session_id sid _session _xsrf _csrf".split(
      " ",
    ),
    ..."_gorilla_csrf gorilla.session mysession ASP.NET_SessionId .ASPXAUTH .AspNetCore.Cookies .AspNetCore.Session".split(
      " ",
    ),
    ..."next-auth.session-token __Secure-authjs.session-token __Host-next-auth.csrf-token sb-access-token".split(
      " ",
    ),
    ..."wordpress_logged_in_1a2b wordpress_sec_1a2b wp-settings-2 DokuWiki DW1a2b my_wikiSession".split(" "),
    ..."SSESS1a2b SESS1a2b symfony CAKEPHP ci_session frontend PrestaShop-1a2b OCSESSID ELGG MoodleSession".split(
      " ",
    ),
    ..."PLAY_SESSION remember_user_token remember_web_59ba36 rememberMe _forum_session _t __session fe_typo_user".split(
      " ",
    ),
    ..."_shopify_essential _secure_session_id secure_customer_sig cart _cart_sig".split(" "),
    // Of proxies that ask who somebody is.
    ..."NSC_AAAC NSC_TMAS NSC_TASS AWSELBAuthSessionCookie-0 AWSELBAuthSessionCookie-1 AWSALBAuthNonce".split(
      " ",
    ),
    ..."CF_Authorization CF_AppSession MRHSession LastMRH_Session F5_ST _oauth2_proxy _oauth2_proxy_csrf".split(
      " ",
    ),
    ..."GCP_IAP_UID GCP_IAAP_AUTH_TOKEN_1 __Host-GCP_IAP_AUTH_TOKEN_1 AppServiceAuthSession authelia_session".split(
      " ",
    ),
    ..."mod_auth_openidc_session authentik_proxy_1a2b _pomerium SMSESSION ObSSOCookie iPlanetDirectoryPro".split(
      " ",
    ),
    ..."KEYCLOAK_IDENTITY auth0 _forward_auth lua-resty-openidc DSID SVPNCOOKIE webvpn PD-S-SESSION-ID".split(
      " ",
    ),
    // What may be an application's own.
    ..."route RT mbox SERVERID_SESSION lang currency uid user".split(" "),
  ])("has not %j, which may be somebody's session", (name) => expect(harmless(name)).toBe(false));

  it("says whose each is, and where that was read", () => {
    for (const { by, source } of HARMLESS) {
      expect(by).not.toBe("");
      if (source !== undefined) expect(new URL(source).protocol).toBe("https:");
    }
  });

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

  it("finds patterns however short they begin", () => {
    const match = nameMatcher(["*_x", "a*", "abcd*"]);
    expect([match("b_x"), match("a"), match("abcde"), match("bcde")]).toEqual([true, true, true, false]);
  });
});
