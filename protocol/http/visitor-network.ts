/**
 * Whose network a request comes from, by the X-Forwarded-For that the edge wrote. Its last entry is the edge's own
 * peer; entries before it are there only if that peer is a listed proxy, so the one before the last is the visitor that
 * it named. A peer that is not listed and not on the Internet is a proxy of whose visitors nothing is known.
 */

import { addressIn, isPublic, networkOf } from "../runtime/ip-address.ts";
import { onceFor } from "../runtime/once-for.ts";
import { listOf } from "./head.ts";
import type { HeaderList } from "./header-list.ts";

/** Undefined where nobody knows. */
export const visitorNetwork = onceFor((fields: HeaderList): string | undefined => {
  const entries = listOf(fields, "x-forwarded-for")?.split(",") ?? [];
  const [peer, named] = [entries.at(-1), entries.at(-2)].map((entry = "") => addressIn(entry));
  if (entries.length > 1) return named === undefined ? undefined : networkOf(named);
  return peer !== undefined && isPublic(peer) ? networkOf(peer) : undefined;
});
