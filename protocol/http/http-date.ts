/**
 * Times as HTTP writes them, "Mon, 02 Mar 2026 10:00:00 GMT" (RFC 9110 section 5.6.7), to seconds since 1970 and back. For
 * every head that has one: Date's own parser and printer take several times as long. SPEC section "Changes".
 */

/** The last second of the year 9999: later years have no four digits. */
export const LATEST_SECONDS = 253_402_300_799;

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LENGTH = "Mon, 02 Mar 2026 10:00:00 GMT".length;
const FIRST_YEAR = 1970;

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`);

/** `seconds`: a whole number from 0 to LATEST_SECONDS. */
export const fixdateOf = (seconds: number): string => {
  const date = new Date(seconds * 1000);
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day} ${date.getUTCFullYear()} ${time} GMT`;
};

/** The digits of `text` from `at` on; NaN where one is none. */
const digits = (text: string, at: number, count: number): number => {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
};

/** Undefined for anything but what fixdateOf gives. */
export const secondsOf = (text: string): number | undefined => {
  if (text.length !== LENGTH) return undefined;
  const year = digits(text, 12, 4);
  const month = MONTHS.indexOf(text.slice(8, 11));
  const [day, hour] = [digits(text, 5, 2), digits(text, 17, 2)];
  const [minute, second] = [digits(text, 20, 2), digits(text, 23, 2)];
  if (!(year >= FIRST_YEAR && month >= 0 && hour < 24 && minute < 60 && second < 60)) return undefined;
  const ms = Date.UTC(year, month, day, hour, minute, second);
  const date = new Date(ms);
  const real = date.getUTCDate() === day && text.startsWith(DAYS[date.getUTCDay()] ?? "", 0);
  const framed =
    text.startsWith(", ", 3) && text[7] === " " && text[11] === " " && text[16] === " " && text[19] === ":";
  return real && framed && text[22] === ":" && text.endsWith(" GMT") ? ms / 1000 : undefined;
};
