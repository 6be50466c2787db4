/**
 * URLs whose page was given out with `Vary: Accept-Encoding`. A 304 has no type by which that could be told again, and has to
 * say what the 200 said (RFC 9110 section 15.4.5). One that is not known here says what the web server says.
 */
import { fieldOf, type ResponseHead } from "../../protocol/http/head.ts";
import { varies, varyingHead } from "../../protocol/http/representation.ts";
import { RecentKeys } from "../../protocol/runtime/recent-keys.ts";

/** URLs that are known for one key. */
const MOST_URLS = 16_384;

export interface VaryingUrl {
  readonly keyId: string;
  readonly host: string;
  readonly target: string;
}

const NOT_MODIFIED = 304;
const OK = 200;

export class VaryingPages {
  readonly #urls = new RecentKeys(MOST_URLS);

  /** A head as it goes out: a 304 with the Vary of its 200. */
  shown({ keyId, host, target }: VaryingUrl, head: ResponseHead): ResponseHead {
    const { status, fields } = head;
    if (status === NOT_MODIFIED) return this.#urls.has(keyId, host, target) ? varyingHead(head) : head;
    if (status !== OK || !isValidated(fields)) return head;
    if (varies(fields)) this.#urls.add(keyId, host, target);
    else this.#urls.delete(keyId, host, target);
    return head;
  }
}

/** Nothing else is asked for again on condition. */
const isValidated = (fields: ResponseHead["fields"]): boolean =>
  fieldOf(fields, "etag") !== undefined || fieldOf(fields, "last-modified") !== undefined;
