/** Addresses as a report may show them: without user and password, and without what looks like a secret in path or query. */
import { holdsCapability } from "../../protocol/scope/capability-url.ts";

const HIDDEN = "…";
const SECRET_NAME = /auth|code|jwt|key|nonce|pass|secret|session|sid$|sig|token/i;

/** `https://www.example.com/reset/…?token=…&page=2` */
export function printedUrl(url: URL): string {
  const path = url.pathname
    .split("/")
    .map((segment) => (holdsCapability(`/${segment}`) ? HIDDEN : segment))
    .join("/");
  const query = url.search
    .slice(1)
    .split("&")
    .map((part) => {
      const [name = "", ...value] = part.split("=");
      if (value.length === 0) return holdsCapability(`/?${name}`) ? HIDDEN : name;
      const secret = SECRET_NAME.test(name) || holdsCapability(`/?${part}`);
      return `${name}=${secret ? HIDDEN : value.join("=")}`;
    })
    .join("&");
  return `${url.origin}${path}${query === "" ? "" : `?${query}`}`;
}
