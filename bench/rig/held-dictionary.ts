/**
 * What Chromium does over HTTPS with the dictionary that a site publishes (RFC 9842): it says that it is Chromium, fetches what a page
 * announces, and names it when it asks for a page. TLS itself is left to a proxy in front, as X-Forwarded-Proto says.
 */
import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";

const CODINGS = "gzip, deflate, br, zstd";
/** Magic, length and hash, before what zstd made (RFC 9842 section 5). */
const PREFIX_BYTES = 40;
const zstd = promisify<Buffer, { readonly dictionary: Buffer }, Buffer>(zstdDecompress);

export class HeldDictionary {
  #path: string | undefined;
  #body: Buffer | undefined;
  /** What it cost to fetch, each time. */
  bytes = 0;

  get isHeld(): boolean {
    return this.#body !== undefined;
  }

  /** Of a request for a page, or for what is no page. */
  fieldsFor(what: "page" | "other"): Readonly<Record<string, string>> {
    const offered = what === "page" ? this.#body : undefined;
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

  hold(path: string, body: Buffer, bytes: number): void {
    this.#path = path;
    this.#body = body;
    this.bytes += bytes;
  }

  /** Rejects where it is not what was coded on. */
  undo(coded: Buffer): Promise<Buffer> {
    if (this.#body === undefined) throw new Error("an answer is coded with a dictionary that nobody named");
    return zstd(coded.subarray(PREFIX_BYTES), { dictionary: this.#body });
  }
}
