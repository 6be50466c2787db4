/**
 * What Chromium does over HTTPS with the dictionary that a site publishes (RFC 9842): it says that it is Chromium, fetches what a page
 * announces, and names it when it asks for what it is for. Over plain HTTP, TLS is left to a proxy in front, as X-Forwarded-Proto says.
 */
import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";

const CODINGS = "gzip, deflate, br, zstd";
/** Magic, length and hash, before what zstd made (RFC 9842 section 5). */
const PREFIX_BYTES = 40;
const zstd = promisify<Buffer, { readonly dictionary: Buffer }, Buffer>(zstdDecompress);

interface Fetched {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly bytes: number;
}

export class HeldDictionary {
  #path: string | undefined;
  #body: Buffer | undefined;
  /** It is for what scripts fetch, too. */
  #isForScripts = false;
  /** What it cost to fetch, each time. */
  bytes = 0;

  get isHeld(): boolean {
    return this.#body !== undefined;
  }

  /** Of a request for a page, or of a script. */
  fieldsFor(what: "page" | "script"): Readonly<Record<string, string>> {
    const offered = what === "page" || this.#isForScripts ? this.#body : undefined;
    return {
      "Sec-CH-UA": '"Chromium";v="156"',
      "X-Forwarded-Proto": "https",
      "Accept-Encoding": offered === undefined ? CODINGS : `${CODINGS}, dcb, dcz`,
      ...(offered && { "Available-Dictionary": `:${hash("sha256", offered, "base64")}:` }),
    };
  }

  /** The path of the one that a page announces, unless it is held. */
  announcedBy({ link }: IncomingHttpHeaders): string | undefined {
    const [, path] = /<([^>]+)>;\s*rel="compression-dictionary"/.exec(String(link ?? "")) ?? [];
    return path === this.#path ? undefined : path;
  }

  /** As it came, with what it cost. */
  hold(path: string, { headers, body, bytes }: Fetched): void {
    const [, destinations] = /match-dest=\(([^)]*)\)/.exec(String(headers["use-as-dictionary"] ?? "")) ?? [];
    this.#path = path;
    this.#body = body;
    this.#isForScripts = destinations === undefined || destinations.includes('""');
    this.bytes += bytes;
  }

  /** Rejects where it is not what was coded on. */
  undo(coded: Buffer): Promise<Buffer> {
    if (this.#body === undefined) throw new Error("an answer is coded with a dictionary that nobody named");
    return zstd(coded.subarray(PREFIX_BYTES), { dictionary: this.#body });
  }
}
