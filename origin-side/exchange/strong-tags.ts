/**
 * The strong entity tags that web servers gave for pages whose coding changes on the way. Their visitors hold the weak form
 * (RFC 9110 section 8.8.3), but many web servers compare strongly, against the grammar of If-None-Match, and all of them
 * for If-Match: so it goes back in the form that it had. A web server's own weak tag never does. SPEC section "Encodings".
 */
import { isCompressible } from "../../protocol/http/compressible.ts";
import { isStrongTag, tagsIn, weakTag } from "../../protocol/http/entity-tag.ts";
import { fieldOf, listOf, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { RecentKeys } from "../../protocol/runtime/recent-keys.ts";

/** Tags that are known for one key. */
const MOST_TAGS = 16_384;

/** Whose page it is. */
export interface TaggedUrl {
  readonly keyId: string;
  readonly host: string;
  readonly target: string;
}

const NOT_MODIFIED = 304;

export class StrongTags {
  readonly #tags = new RecentKeys(MOST_TAGS);

  /** A response has come, to a request with these fields. */
  seen({ keyId, host, target }: TaggedUrl, { status, fields }: ResponseHead, request: HeaderList): void {
    const tag = fieldOf(fields, "etag");
    if (tag === undefined) return;
    if (!isStrongTag(tag)) {
      for (const weak of tagsIn(tag)) this.#tags.delete(keyId, host, target, weak.slice("W/".length));
      return;
    }
    const mayBeWeakened =
      status === NOT_MODIFIED
        ? // It has no type; but somebody who holds the weak form has it from a pair.
          tagsIn(listOf(request, "if-none-match") ?? "").includes(weakTag(tag))
        : isCompressible(fieldOf(fields, "content-type") ?? "");
    if (mayBeWeakened) this.#tags.add(keyId, host, target, tag);
  }

  /** Whether the web server gave this tag in this form. */
  has({ keyId, host, target }: TaggedUrl, tag: string): boolean {
    return this.#tags.has(keyId, host, target, tag);
  }
}
