/**
 * Request fields that are credentials, by their name: those that are known to be, and those that sound like it. The first kind
 * may be a visitor's only secret; of the second nobody knows whether two visitors send the same value, so it parts sessions
 * and makes none secret. SPEC section "Scope".
 */

/** Lower case. Their values are secrets, if they are as long as secrets are. */
const KNOWN: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  ..."x-api-key api-key apikey x-auth-token x-access-token x-session-token x-user-token x-amz-security-token".split(
    " ",
  ),
  ..."x-goog-api-key x-goog-iap-jwt-assertion cf-access-jwt-assertion cf-access-client-secret x-amzn-oidc-data".split(
    " ",
  ),
  ..."ocp-apim-subscription-key x-functions-key x-vault-token x-shopify-access-token private-token job-token".split(
    " ",
  ),
]);

const SOUNDS_LIKE =
  /(?:^|[-_])auth|token|secret|csrf|xsrf|jwt|session|passw|credential|assertion|signature|principal|client-?cert|(?:api|app|access|subscription|license|master|functions|client)[-_]?key|[-_]user(?:$|[-_])|^x-.*-email$/;

/** Against forged requests: sites check it against the session that a secret names, so beside one it says nothing more of who asks. */
const AGAINST_FORGERY = /[cx]srf/;

/** Fields of a browser's own say what kind of request it is: Sec-Fetch-User, Sec-WebSocket-Key. */
const OF_BROWSERS = /^sec-/;

export const isKnownCredential = (name: string): boolean => KNOWN.has(name);

/** `name` in lower case. */
export const isCredentialHeader = (name: string): boolean =>
  KNOWN.has(name) || (SOUNDS_LIKE.test(name) && !OF_BROWSERS.test(name));

/** `name` in lower case, of a field that is a credential. */
export const isForgeryToken = (name: string): boolean => !KNOWN.has(name) && AGAINST_FORGERY.test(name);
