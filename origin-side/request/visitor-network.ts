/**
 * Whose network a request comes from, by the X-Forwarded-For that the edge wrote. Its last entry is the edge's own peer; entries
 * before it are there only if that peer is a listed proxy, so the one before the last is the visitor that it named. A peer that is not listed
 * and not on the Internet is a proxy of whose visitors nothing is known.
 */
import { listOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { addressIn, isPublic, networkOf } from "../../protocol/runtime/ip-address.ts";
import { onceFor } from "../../protocol/runtime/once-for.ts";

/** Undefined where nobody knows. */
export const visitorNetwork = onceFor((fields: HeaderList): string | undefined => {
  const entries = listOf(fields, "x-forwarded-for")?.split(",") ?? [];
  const [peer, named] = [entries.at(-1), entries.at(-2)].map((entry = "") => addressIn(entry));
  if (entries.length > 1) return named === undefined ? undefined : networkOf(named);
  return peer !== undefined && isPublic(peer) ? networkOf(peer) : undefined;
});
