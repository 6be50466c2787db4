/**
 * Authentication of connections: NTLM and Negotiate log in the connection that a request came on, and whatever else comes on it
 * is taken to be from the same user (RFC 4559 section 6). A proxy must keep such a connection for one visitor.
 */
import { onceFor } from "../runtime/once-for.ts";
import { fieldOf, isNamed, listOf } from "./head.ts";
import type { HeaderList } from "./header-list.ts";

const SCHEMES = "ntlm|negotiate|nego2|kerberos";
const SHOWN = new RegExp(`^\\s*(?:${SCHEMES})(?:$|\\s)`, "i");
/** One of several challenges in a field. In a quoted string it is none, but to take it for one costs a connection only. */
const CHALLENGED = new RegExp(`(?:^|,)\\s*(?:${SCHEMES})(?:$|[\\s,])`, "i");

/** Whether a request logs its connection in, or begins to. */
export const authenticatesConnection = (request: HeaderList): boolean =>
  isAmong(request, "authorization", SHOWN) || isAmong(request, "proxy-authorization", SHOWN);

/** Whether a response says that its connection is logged in, or asks for it. `response`: fields of one hop included. */
export const isOfAuthenticatedConnection = onceFor(
  (response: HeaderList): boolean =>
    CHALLENGED.test(listOf(response, "www-authenticate") ?? "") ||
    CHALLENGED.test(listOf(response, "proxy-authenticate") ?? "") ||
    fieldOf(response, "persistent-auth")?.trim().toLowerCase() === "true",
);

const isAmong = (fields: HeaderList, name: string, scheme: RegExp): boolean => {
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (isNamed(fields[i], name) && scheme.test(fields[i + 1] ?? "")) return true;
  return false;
};
