/** The emulated link as it is written on a command line: `--rtt 100ms --rate 10mbit --buffer "4 MiB"`. */
import { InvalidArgumentError } from "commander";
import { parseSize, parseTime, UnitError } from "../../protocol/config/units.ts";

const BITS_IN = { kbit: 1e3, mbit: 1e6, gbit: 1e9 } as const;
/** Beyond this the emulator itself would be the limit. */
const HIGHEST_BITS_PER_SECOND = 1e9;
const LONGEST_RTT_MS = 10_000;
const LARGEST_BUFFER = 256 * 2 ** 20;

/** Bytes a second from `10mbit`; null from `unlimited`. */
export function parseRate(text: string): number | null {
  if (text === "unlimited") return null;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?) ?([kmg]bit)$/.exec(text.trim().toLowerCase()) ?? [];
  const bits = Object.hasOwn(BITS_IN, unit) ? Number(digits) * BITS_IN[unit as keyof typeof BITS_IN] : 0;
  if (bits >= 1_000 && bits <= HIGHEST_BITS_PER_SECOND) return bits / 8;
  throw new InvalidArgumentError("must be a rate such as 10mbit, 1kbit to 1gbit, or unlimited.");
}

export function parseRtt(text: string): number {
  const ms = orInvalid(() => parseTime(text));
  if (ms <= LONGEST_RTT_MS) return ms;
  throw new InvalidArgumentError("must be a round trip time of at most 10s, such as 100ms.");
}

export function parseBuffer(text: string): number {
  const bytes = orInvalid(() => parseSize(text));
  if (bytes <= LARGEST_BUFFER) return bytes;
  throw new InvalidArgumentError("must be a size of at most 256 MiB, such as 4 MiB.");
}

/** "100 ms, 10 Mbit/s", for a report. */
export const printLink = (link: { readonly rttMs: number; readonly bytesPerSecond: number | null }): string =>
  `${link.rttMs} ms round trip, ${link.bytesPerSecond === null ? "no limit of rate" : `${(link.bytesPerSecond * 8) / 1e6} Mbit/s each way`}`;

function orInvalid<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UnitError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
