/**
 * Lines of an access log, written by hand and field by field: a daemon writes one for each exchange, and building an object whose names are
 * walked costs several times as much. What a visitor wrote is quoted so that a line stays a line, and secrets in a query are left out.
 */

import type { AccessLogSettings } from "../config/access-log-settings.ts";
import { fieldOf } from "../http/head.ts";
import type { HeaderList } from "../http/header-list.ts";

/** How and when a line is written. */
export interface LineOptions {
  readonly time: LineTime;
  /** Milliseconds since 1970. */
  readonly today: number;
  readonly wants: Pick<AccessLogSettings, "format" | "userAgent">;
}

/** What lines in either format say of a request that is over. */
interface LineRequest {
  readonly client: string | undefined;
  readonly method: string;
  readonly protocol: string;
  readonly fields: HeaderList;
  /** Sent, of the response's body. */
  readonly bytes: number;
}

/** `more`: what a line in JSON says of the record, made of `text`, `word`, `number` and `flag`. */
export const accessLine = <Record extends { readonly target: string; readonly status?: number | undefined }>(
  { client, method, protocol, fields, bytes }: LineRequest,
  record: Record,
  more: (record: Record) => string,
  { time, today, wants }: LineOptions,
): string => {
  const userAgent = wants.userAgent ? fieldOf(fields, "user-agent") : undefined;
  const target = withoutQuerySecrets(record.target);
  if (wants.format === "json")
    return `{"time":"${time.iso(today)}"${text(',"client":', client)}${text(',"method":', method)}${text(',"target":', target)}${more(record)}${number(',"bytes":', bytes)}${text(',"userAgent":', userAgent)}}\n`;
  const { status } = record;
  const referer = wants.userAgent ? fieldOf(fields, "referer") : undefined;
  return combinedLine(time.common(today), {
    client,
    method,
    target,
    protocol,
    status,
    bytes,
    referer: referer && withoutQuerySecrets(referer),
    userAgent,
  });
};

/** Of any text. `name` is as it stands in the line, `,"target":`; what is undefined is left out, here and below. */
export const text = (name: string, value: string | undefined): string =>
  value === undefined ? "" : name + quoted(value);

/** Of the code's own words. */
export const word = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `${name}"${value}"`;

/** With three decimals at most: microseconds, if it is milliseconds. */
export const number = (name: string, value: number | undefined): string =>
  value === undefined ? "" : name + decimal(value);

export const flag = (name: string, value: true | undefined): string => (value ? `${name}true` : "");

const THOUSANDTHS = Array.from({ length: 1_000 }, (_, n) => String(n / 1_000).slice(1));

/** Taking the digits of a number that is not whole apart costs several times as much. */
const decimal = (value: number): string => {
  const thousandths = Math.round(value * 1_000);
  if (!(thousandths >= 0 && thousandths <= Number.MAX_SAFE_INTEGER)) return String(thousandths / 1_000);
  const whole = Math.floor(thousandths / 1_000);
  return `${whole}${THOUSANDTHS[thousandths - whole * 1_000]}`;
};

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** What JSON lets stand though terminals obey it, or some readers end a line there. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

const quoted = (text: string): string =>
  PLAIN.test(text)
    ? `"${text}"`
    : JSON.stringify(text).replace(
        CONTROL,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );

interface CombinedFields {
  readonly client: string | undefined;
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  readonly status: number | undefined;
  readonly bytes: number;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
}

/** As Apache's and nginx's `combined`. `time` as `LineTime.common` gives it. @internal */
export const combinedLine = (time: string, fields: CombinedFields): string => {
  const { client, method, target, protocol, status, bytes, referer, userAgent } = fields;
  return `${client ?? "-"} - - [${time}] "${escaped(`${method} ${target} ${protocol}`)}" ${status ?? "-"} ${bytes} "${escaped(referer ?? "-")}" "${escaped(userAgent ?? "-")}"\n`;
};

/** As nginx does: `\x22` for what could end the field or the line. */
const escaped = (text: string): string =>
  PLAIN.test(text)
    ? text
    : Array.from(text, (char) =>
        PLAIN.test(char) ? char : `\\x${(char.charCodeAt(0) & 0xff).toString(16).padStart(2, "0")}`,
      ).join("");

/** Parameters whose values open something; the list is that of what other software calls them, not a guess at what looks random. */
const SECRET_PARAMETER =
  /([?&;](?:[^=&;?]*[_.\-[])?(?:access_?|id_?|auth_?|refresh_?|csrf_?|reset_?)?(?:token|key|apikey|secret|password|passwd|pwd|pass|auth|authorization|code|credential|signature|sig|session|sessionid|sid|jwt|otp|ticket|assertion|samlresponse|state|nonce)\]?=)[^&;#]*/gi;

/** A target as a log may have it: values of parameters with a secret's name are `[secret]`. */
export const withoutQuerySecrets = (target: string): string =>
  target.includes("?") ? target.replace(SECRET_PARAMETER, "$1[secret]") : target;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The time of lines; what comes within the same second is not formatted again. */
export class LineTime {
  #second = Number.NaN;
  #iso = "";
  #common = "";

  /** `2026-01-31T12:00:00.123Z`. `today`: milliseconds since 1970. */
  iso(today: number): string {
    this.#at(Math.floor(today / 1000));
    return `${this.#iso}${String(Math.floor(today) % 1000).padStart(3, "0")}Z`;
  }

  /** `31/Jan/2026:12:00:00 +0000`. */
  common(today: number): string {
    this.#at(Math.floor(today / 1000));
    return this.#common;
  }

  #at(second: number): void {
    if (second === this.#second) return;
    this.#second = second;
    const iso = new Date(second * 1000).toISOString();
    this.#iso = iso.slice(0, 20);
    this.#common = `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  }
}
