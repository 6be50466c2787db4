/**
 * Sizes, times and addresses as people write them in a config file, and back: `256 MiB`, `30s`, `host:7443`,
 * `10.0.0.0/8`. Each `parse` throws UnitError, whose message says what to write instead; each `print` gives text that
 * `parse` reads back as the same value. Host names come out as they travel in HTTP: lower case, ASCII, no final dot.
 */
import { isIP, isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/** A value that cannot be read; the message is for the person who wrote it. */
export class UnitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UnitError";
  }
}

/** A place to listen at or to dial. IPv6 addresses stand without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A range of addresses, as in `10.0.0.0/8`. A single address has a prefix of its full length. */
export interface Network {
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
  readonly prefix: number;
}

/** The longest time a Node timer can be set for: 2^31 - 1 ms; one more and it would run at once. @internal */
export const LONGEST_MS = 2 ** 31 - 1;

const SIZE_UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
const TIME_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const AMOUNT = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/;

/** Bytes from `256 MiB`. Units are powers of 1024, written so; a bare number or `MB` is refused as ambiguous. */
export const parseSize = (text: string): number => {
  const bytes = amount(text, SIZE_UNITS);
  if (bytes === undefined)
    throw new UnitError("is not a size; write a number and B, KiB, MiB or GiB, such as 256 MiB");
  if (!Number.isSafeInteger(bytes)) throw new UnitError("is not a whole number of bytes that can be counted");
  return bytes;
};

/** Milliseconds from `250ms`, `30s`, `5m`, `1h` or `2d`. */
export const parseTime = (text: string): number => {
  const ms = amount(text, TIME_UNITS);
  if (ms === undefined)
    throw new UnitError("is not a time; write a number and ms, s, m, h or d, such as 30s");
  if (!Number.isInteger(ms)) throw new UnitError("is not a whole number of milliseconds");
  if (ms > LONGEST_MS) throw new UnitError("is too long; the longest time is 24d");
  return ms;
};

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;

/** Date.parse takes the 31st of February for the 3rd of March. */
const isDay = (day: string): boolean => {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
};

/** Milliseconds since 1970 from `2030-01-31T12:00:00Z`, with a zone or an offset (RFC 3339). */
export const parseMoment = (text: string): number => {
  const written = text.trim();
  const ms = MOMENT.test(written) && isDay(written.slice(0, 10)) ? Date.parse(written) : Number.NaN;
  if (Number.isNaN(ms))
    throw new UnitError("is not a moment; write day, time and zone, such as 2030-01-31T12:00:00Z");
  return ms;
};

const amount = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const [, digits, unit] = AMOUNT.exec(text.trim()) ?? [];
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (digits === undefined || factor === undefined) return undefined;
  // 1.1 * 1000 is 1100.0000000000002: rounded where the error is the arithmetic's, kept where it is the writer's.
  const exact = Number(digits) * factor;
  return Math.abs(exact - Math.round(exact)) < 1e-6 ? Math.round(exact) : exact;
};

const printIn = (units: Readonly<Record<string, number>>, amount: number, between: string): string => {
  const [unit, one] =
    Object.entries(units).findLast(([, each]) => amount >= each && amount % each === 0) ?? [];
  return one === undefined
    ? `${amount}${between}${Object.keys(units)[0]}`
    : `${amount / one}${between}${unit}`;
};

/** Bytes in the largest unit that divides them: `256 MiB`. */
export const printSize = (bytes: number): string => printIn(SIZE_UNITS, bytes, " ");

/** Milliseconds in the largest unit that divides them: `30s`. */
export const printTime = (ms: number): string => printIn(TIME_UNITS, ms, "");

/** The highest port number there is. @internal */
export const HIGHEST_PORT = 65_535;

/**
 * `host:port`, where the host is a name, an IPv4 address or an IPv6 address in brackets. Without `defaultPort` the
 * port must be written. Port 0 (any free one) is for tests and is accepted.
 */
export const parseHostPort = (text: string, defaultPort?: number): HostPort => {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  const port = digits === undefined ? defaultPort : Number(digits);
  const host = bracketed ?? plain;
  if (host === undefined) {
    throw new UnitError(
      "is not an address; write host:port, with an IPv6 host in brackets, such as [::1]:8080",
    );
  }
  if (port === undefined)
    throw new UnitError("has no port; write host:port, such as 0.0.0.0:8080 or [::]:8080");
  if (port > HIGHEST_PORT) throw new UnitError(`has a port above ${HIGHEST_PORT}`);
  if (host === "")
    throw new UnitError("has no host; write 0.0.0.0 (or [::]) for every address of this machine");
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) throw new UnitError("has something in brackets that is not an IPv6 address");
    return { host: bracketed.toLowerCase(), port };
  }
  return { host: parseHostName(host), port };
};

/** The same of what is dialled, where no host is no address, and port 0 no port. */
export const parseDialledAddress = (text: string, defaultPort: number): HostPort => {
  if (/^(?::\d+)?$/.test(text.trim()))
    throw new UnitError(`has no host; write the host and its port, such as edge.example.com:${defaultPort}`);
  const address = parseHostPort(text, defaultPort);
  if (address.port === 0) throw new UnitError("has port 0, at which nothing listens");
  return address;
};

export const printHostPort = ({ host, port }: HostPort): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}`;

/** The longest name that DNS can carry. */
export const LONGEST_HOST_NAME = 253;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** A host as it stands in a Host field, without port: a name, an IPv4 address, or an IPv6 address in brackets. */
export const parseHostName = (text: string): string => {
  const bare = text.trim();
  if (bare.startsWith("[") && bare.endsWith("]") && isIPv6(bare.slice(1, -1))) return bare.toLowerCase();
  if (isIPv4(bare)) return bare;
  if (/[:/?#@*\s]/.test(bare)) {
    throw new UnitError(
      "is not a host name; write the name alone, such as www.example.com, without http://, port or path",
    );
  }
  // domainToASCII makes 0x7f.1 an IPv4 address, as browsers do: such a name is refused rather than rewritten.
  const ascii = /^[\x20-\x7e]*$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare);
  const name = ascii.endsWith(".") ? ascii.slice(0, -1) : ascii;
  const labels = name.split(".");
  const known = name.length <= LONGEST_HOST_NAME && labels.every((label) => LABEL.test(label));
  if (!known || /^(0x[0-9a-f]*|\d+)$/.test(labels.at(-1) ?? "")) {
    throw new UnitError("is not a host name; write one such as www.example.com");
  }
  return name;
};

/** Whether nothing sent there leaves this machine. A name other than localhost may resolve anywhere, so it does not count. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
export const parseNetwork = (text: string): Network => {
  const [address = "", digits, ...rest] = text.trim().split("/");
  const version = isIP(address);
  if (
    version === 0 ||
    address.includes("%") ||
    rest.length > 0 ||
    (digits !== undefined && !/^\d{1,3}$/.test(digits))
  ) {
    throw new UnitError("is not a range of addresses; write one such as 10.0.0.0/8, or a single address");
  }
  const whole = version === 4 ? 32 : 128;
  const prefix = digits === undefined ? whole : Number(digits);
  if (prefix > whole) throw new UnitError(`has a prefix length above ${whole}`);
  return { address: address.toLowerCase(), family: version === 4 ? "ipv4" : "ipv6", prefix };
};
