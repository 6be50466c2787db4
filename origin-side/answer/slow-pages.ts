/**
 * URLs whose body was not complete within the time that one is waited for: the next one begins at once, so that its first byte is
 * with the visitor when the web server has made it. One that is complete in time after all is waited for again.
 */
import { RecentKeys } from "../../protocol/runtime/recent-keys.ts";
import type { Answering } from "./answering.ts";
import { WAIT_MS } from "./buffer-body.ts";

/** URLs that are known for one key; those used last stay. */
const MOST_URLS = 4_096;

/** Whose page it is. */
type Asked = Pick<Answering, "exchange" | "pageKey"> & { readonly options: { readonly keyId: string } };

export class SlowPages {
  readonly #urls = new RecentKeys(MOST_URLS);

  /** Whether waiting for all of it was in vain the last time. */
  has(asked: Asked): boolean {
    return this.#urls.has(...named(asked));
  }

  /** Until a page that streamed was complete, its body was waited for so long. */
  took(asked: Asked, ms: number): void {
    if (ms > WAIT_MS) this.#urls.add(...named(asked));
    else this.#urls.delete(...named(asked));
  }
}

const named = ({ exchange, pageKey, options }: Asked): [string, string, string, string] => [
  options.keyId,
  exchange.host,
  exchange.request.method,
  pageKey.url,
];
