/**
 * Cookies that say nothing to the origin's pages about who asks: analytics, consent, advertising, and what CDNs and
 * load balancers set for themselves. A request that carries only these is a request for a public page. Left out on
 * purpose: anything an application itself reads, such as languages, currencies, carts and user ids of any kind.
 * SPEC section "Scope".
 */

/** One `*` in a name stands for any characters. Names are matched by case. */
export const HARMLESS_COOKIES: readonly string[] = [
  // Google Analytics, Ads, Tag Manager, Optimize
  ..."_ga _ga_* _gid _gat _gat_* _gac_* _gcl_* _dc_gtm_* _gaexp _opt_* __utm* __gads __gpi __eoi FPID FPLC FPGSID".split(
    " ",
  ),
  // Facebook, Microsoft, TikTok, Pinterest, LinkedIn, X, Reddit, Snapchat
  ..."_fbp _fbc _uetsid _uetvid _uetmsclkid _clck _clsk _ttp _tt_enable_cookie _pin_unauth _pinterest_ct_*".split(
    " ",
  ),
  ..."li_fat_id _twclid _rdt_uuid _scid _scid_r _sctr".split(" "),
  // Matomo, Hotjar, Yandex, Segment, Mixpanel, Amplitude, HubSpot, Adobe, Plausible's kin
  ..."_pk_* mtm_* matomo_* _hj* _ym_* ajs_anonymous_id mp_*_mixpanel amp_* AMP_* amplitude_id_* __hstc __hssc".split(
    " ",
  ),
  ..."__hssrc hubspotutk AMCV_* AMCVS_* s_cc s_sq s_vi s_fid s_ppv _vwo_* _vis_opt_* optimizelyEndUserId".split(
    " ",
  ),
  ..."_parsely_* _cb _chartbeat* _sp_id.* _sp_ses.* _dd_s nmstat __qca _lfa _mkto_trk sbjs_* ph_*_posthog".split(
    " ",
  ),
  // consent banners
  ..."OptanonConsent OptanonAlertBoxClosed eupubconsent-v2 CookieConsent CookieConsentBulkSetting-*".split(
    " ",
  ),
  ..."cookieconsent_status cookieconsent_preferences_* cookie_consent cookie-consent cookie_notice_accepted".split(
    " ",
  ),
  ..."euconsent* cookielawinfo-* cookieyes-consent viewed_cookie_policy CookieLawInfoConsent cmplz_*".split(
    " ",
  ),
  ..."borlabs-cookie real_cookie_banner* moove_gdpr_popup didomi_token usprivacy _iub_cs-* cc_cookie klaro".split(
    " ",
  ),
  ..."tarteaucitron axeptio_* uncodeAI.* complianz_* FCCDCF FCNEC notice_gdpr_prefs notice_preferences".split(
    " ",
  ),
  // CDNs, bot checks, load balancers: read before the application, not by it
  ..."__cf_bm __cfruid __cflb _cfuvid cf_clearance __cfduid cf_chl_* AWSALB AWSALBCORS AWSALBTG AWSALBTGCORS".split(
    " ",
  ),
  ..."AWSELB AWSELBCORS ARRAffinity ARRAffinitySameSite SERVERID visid_incap_* incap_ses_* nlbi_* ak_bmsc".split(
    " ",
  ),
  ..."bm_sv bm_sz bm_mi _abck datadome wordpress_test_cookie".split(" "),
];

/** Tests cookie names against a list of names and patterns; compiled once, asked for every cookie of every request. */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const open = patterns
    .filter((pattern) => pattern.includes("*"))
    .map((pattern) => {
      const star = pattern.indexOf("*");
      return { start: pattern.slice(0, star), end: pattern.slice(star + 1), least: pattern.length - 1 };
    });
  return (name) =>
    exact.has(name) ||
    open.some(
      ({ start, end, least }) => name.length >= least && name.startsWith(start) && name.endsWith(end),
    );
}
