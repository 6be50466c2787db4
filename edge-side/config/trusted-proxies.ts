/** What an operator can do where visitors come through a proxy that is not believed; the log says it, and `check`. */
export const LIST_THE_PROXY =
  "list it under trustedProxies in edge.yaml, and let it set X-Forwarded-For, or personal pages of visitors without a login travel whole";
