/**
 * Cookies that say nothing to the origin's pages about who asks: analytics, consent, advertising, and what CDNs and
 * load balancers set for themselves. A request that carries only these is a request for a public page. Left out on
 * purpose: anything an application itself reads, such as languages, currencies, carts and user ids of any kind, and names that an
 * application or a gateway's login may have too (`route`, `RT`, `mbox`, and NetScaler's `NSC_*`, of which NSC_AAAC is its login).
 * SPEC section "Scope".
 */

interface HarmlessCookies {
  readonly by: string;
  /** The vendor's document that says what they are for; undefined: known from sites that have them. */
  readonly source?: string;
  /** Separated by spaces. One `*` in a name stands for any characters. Matched by case. */
  readonly names: string;
}

/** @internal */
export const HARMLESS: readonly HarmlessCookies[] = [
  // analytics and advertising
  {
    by: "Google Analytics, Ads, Tag Manager, Optimize",
    names:
      "_ga _ga_* _gid _gat _gat_* _gac_* _gcl_* _dc_gtm_* _gaexp _opt_* __utm* __gads __gpi __eoi FPID FPLC FPGSID FPAU",
  },
  { by: "Meta", names: "_fbp _fbc" },
  { by: "Microsoft Advertising and Clarity", names: "_uetsid _uetvid _uetmsclkid _clck _clsk" },
  { by: "Microsoft Application Insights", names: "ai_user ai_session" },
  { by: "TikTok", names: "_ttp _tt_enable_cookie ttcsid ttcsid_*" },
  { by: "Pinterest", names: "_pin_unauth _pinterest_ct_* _derived_epik _epik" },
  { by: "LinkedIn, X, Reddit, Snapchat", names: "li_fat_id _twclid _rdt_uuid _rdt_em _scid _scid_r _sctr" },
  { by: "Matomo", names: "_pk_* mtm_* matomo_*" },
  {
    by: "Piwik PRO",
    source: "https://help.piwik.pro/support/privacy/cookies-created-for-visitors-by-piwik-pro/",
    names:
      "ppms_privacy_* stg_traffic_source_priority stg_last_interaction stg_returning_visitor stg_fired__* stg_utm_campaign stg_pk_campaign stg_externalReferrer",
  },
  {
    by: "Smartlook",
    source: "https://help.smartlook.com/docs/cookies-smartlook",
    names: "SL_C_23361dd035530_*",
  },
  { by: "LiveChat, Drift", names: "__lc_cid __lc_cst __lc2_cid __lc2_cst driftt_aid driftt_sid" },
  { by: "Hotjar, Contentsquare", names: "_hj* _cs_id _cs_s _cs_c _cs_vars _cs_ex _cs_optout _cs_mk" },
  { by: "Yandex Metrica, VK", names: "_ym_* tmr_lvid tmr_lvidTS tmr_reqNum tmr_detect" },
  {
    by: "Segment, Mixpanel, Amplitude, PostHog, Heap",
    names: "ajs_anonymous_id mp_*_mixpanel amp_* AMP_* amplitude_id_* ph_*_posthog _hp2_*",
  },
  {
    by: "HubSpot",
    names: "__hstc __hssc __hssrc hubspotutk __hs_opt_out __hs_initial_opt_in __hs_cookie_cat_pref",
  },
  {
    by: "Adobe Analytics, Experience Cloud, Target",
    source:
      "https://experienceleague.adobe.com/en/docs/core-services/interface/data-collection/cookies/web-sdk",
    names:
      "AMCV_* AMCVS_* s_cc s_sq s_vi s_fid s_ppv s_ecid at_check mboxEdgeCluster kndctr_*_identity kndctr_*_cluster kndctr_*_consent kndctr_*_consent_check kndctr_*_personalization",
  },
  { by: "VWO, Optimizely", names: "_vwo_* _vis_opt_* optimizelyEndUserId" },
  {
    by: "Parse.ly, Chartbeat, Snowplow, Datadog, Quantcast, Marketo, Sourcebuster",
    names: "_parsely_* _cb _chartbeat* _sp_id.* _sp_ses.* _dd_s nmstat __qca _lfa _mkto_trk sbjs_*",
  },
  {
    by: "Dynatrace",
    source:
      "https://docs.dynatrace.com/docs/manage/data-privacy-and-security/data-privacy/rum-cookies-and-web-storage",
    names: "dtCookie* dtPC* dtSa* dtLatC* rxVisitor* rxvt*",
  },
  {
    by: "Automattic (Jetpack, WooCommerce)",
    source: "https://automattic.com/cookies/",
    names: "tk_ai tk_lr tk_or tk_qs tk_r3d tk_tc",
  },
  { by: "Stripe", names: "__stripe_mid __stripe_sid" },
  { by: "Shopify", names: "_shopify_y _shopify_s" },
  {
    by: "Klaviyo, Brevo, AdRoll, Impact, 6sense",
    names: "__kla_id sib_cuid __adroll_fpc __ar_v4 IR_gbd IR_PI _gd_visitor _gd_session _gd_svisitor",
  },
  { by: "Crazy Egg, Lucky Orange", names: "_ce.s _ce.clock_data _ce.clock_event _lo_uid" },
  {
    by: "Intercom, Zendesk",
    source: "https://intercom.com/cookie-policy",
    names: "intercom-id-* intercom-session-* intercom-device-id-* __zlcmid",
  },
  { by: "Baidu, CNZZ", names: "Hm_lvt_* Hm_lpvt_* CNZZDATA* UM_distinctid" },
  {
    by: "FullStory, LogRocket, Qualtrics, GoDaddy, Piano",
    names:
      "fs_uid fs_lua _lr_tabs_-* _lr_hb_-* _lr_uf_-* QSI_HistorySession _tccl_visitor _tccl_visit _pcid _pctx _pprv",
  },
  {
    by: "AB Tasty, Kameleoon, Convert, Bloomreach, Criteo",
    names:
      "ABTasty ABTastySession kameleoonVisitorCode _conv_v _conv_s _conv_r _br_uid_2 __exponea_etc__ __exponea_time2__ cto_bundle",
  },
  // consent banners
  { by: "OneTrust", names: "OptanonConsent OptanonAlertBoxClosed eupubconsent-v2" },
  { by: "Cookiebot", names: "CookieConsent CookieConsentBulkSetting-*" },
  {
    by: "banners of WordPress and others",
    names:
      "cookieconsent_status cookieconsent_preferences_* cookie_consent cookie-consent cookie_notice_accepted cookielawinfo-* cookieyes-consent viewed_cookie_policy CookieLawInfoConsent cmplz_* borlabs-cookie real_cookie_banner* moove_gdpr_popup complianz_* uncodeAI.* cookies_accepted",
  },
  {
    by: "Didomi, iubenda, Klaro, tarteaucitron, Axeptio, Osano, Sourcepoint, Tealium, TrustArc, Cookie Script, CookieFirst",
    names:
      "didomi_token _iub_cs-* cc_cookie klaro tarteaucitron axeptio_* osano_consentmanager osano_consentmanager_uuid osano_consentmanager_expdate consentUUID CONSENTMGR TAconsentID notice_gdpr_prefs notice_preferences notice_behavior cmapi_cookie_privacy cmapi_gtm_bl CookieScriptConsent cookiefirst-consent",
  },
  {
    by: "Civic Cookie Control",
    source: "https://www.civicuk.com/cookie-control/documentation/cookies",
    names: "CookieControl",
  },
  {
    by: "Drupal's EU Cookie Compliance",
    source: "https://git.drupalcode.org/project/eu-cookie-compliance",
    names: "cookie-agreed cookie-agreed-version cookie-agreed-categories",
  },
  { by: "IAB and Google's consent messages", names: "euconsent* usprivacy addtl_consent FCCDCF FCNEC" },
  // CDNs, bot checks, load balancers: read before the application, not by it
  {
    by: "Cloudflare",
    source: "https://developers.cloudflare.com/load-balancing/understand-basics/session-affinity",
    names: "__cf_bm __cfruid __cflb _cfuvid cf_clearance __cfduid cf_chl_*",
  },
  {
    by: "AWS",
    source: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html",
    names: "AWSALB AWSALBCORS AWSALBTG AWSALBTGCORS AWSALBAPP-* AWSELB AWSELBCORS aws-waf-token",
  },
  {
    by: "Azure",
    source: "https://learn.microsoft.com/en-us/azure/application-gateway/configuration-http-settings",
    names:
      "ARRAffinity ARRAffinitySameSite ASLBSA ASLBSACORS ApplicationGatewayAffinity ApplicationGatewayAffinityCORS AGCAffinity",
  },
  {
    by: "Google Cloud, DigitalOcean",
    source: "https://cloud.google.com/load-balancing/docs/backend-service",
    names: "GCLB DO-LB",
  },
  {
    by: "Oracle Cloud, Alibaba Cloud, Tencent Cloud, Huawei Cloud",
    names: "X-Oracle-BMC-LBS-Route acw_tc aliyungf_tc tgw_l7_route HWWAFSESID HWWAFSESTIME",
  },
  {
    by: "Cloud Foundry, Heroku",
    source: "https://devcenter.heroku.com/articles/session-affinity",
    names: "__VCAP_ID__ heroku-session-affinity",
  },
  {
    by: "ingress-nginx, HAProxy",
    source: "https://kubernetes.github.io/ingress-nginx/examples/affinity/cookie",
    names: "INGRESSCOOKIE SERVERID",
  },
  { by: "F5, NetScaler's firewall", names: "BIGipServer* TS01* citrix_ns_id citrix_ns_id_*" },
  { by: "Imperva", names: "visid_incap_* incap_ses_* nlbi_* reese84 ___utmvc" },
  { by: "Akamai", names: "ak_bmsc bm_s bm_so bm_ss bm_sv bm_sz bm_mi _abck AKA_A2 akavpau_*" },
  {
    by: "HUMAN (PerimeterX)",
    source: "https://docs.humansecurity.com/applications-and-accounts/docs/cookies",
    names: "_pxvid __pxvid _px _px2 _px3 _pxff_* _pxmvid _pxhd pxcts _pxde",
  },
  {
    by: "DataDome, Sucuri, DDoS-Guard, Radware, Kasada, Reblaze",
    names:
      "datadome sucuri_cloudproxy_uuid_* __ddg*_ __uzma __uzmb __uzmc __uzmd __uzme __uzmf KP_UIDz KP_UIDz-ssn rbzid rbzsessionid",
  },
  {
    by: "WordPress: whether cookies are kept, and when settings were",
    names: "wordpress_test_cookie wp-settings-time-*",
  },
];

/** Names and patterns of all of them. */
export const HARMLESS_COOKIES: readonly string[] = HARMLESS.flatMap(({ names }) => names.split(" "));

interface Pattern {
  readonly start: string;
  readonly end: string;
}

/** Patterns are looked for by so many of their first characters. */
const PREFIX_CHARS = 3;

/** Tests cookie names against a list of names and patterns; compiled once, asked for every cookie of every request. */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const open = patterns
    .filter((pattern) => pattern.includes("*"))
    .map((pattern) => {
      const star = pattern.indexOf("*");
      return { start: pattern.slice(0, star), end: pattern.slice(star + 1) };
    });
  const byPrefix = Map.groupBy(open, ({ start }) => start.slice(0, PREFIX_CHARS));
  const short = open.filter(({ start }) => start.length < PREFIX_CHARS);
  return (name) => {
    const fits = ({ start, end }: Pattern): boolean =>
      name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end);
    return (
      exact.has(name) || byPrefix.get(name.slice(0, PREFIX_CHARS))?.some(fits) === true || short.some(fits)
    );
  };
}
