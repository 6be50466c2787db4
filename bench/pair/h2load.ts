/** Load over HTTP/2 and TLS by `h2load` of nghttp2: 8 connections of 8 streams each, whatever the certificate. */
import type { Volley } from "./load-gun.ts";
import { HOST, headersOf } from "./timed-visit.ts";
import { outputOf, type WrkResult, wholeSeconds } from "./wrk.ts";

const CONNECTIONS = 8;
const STREAMS = 8;

/** @internal */
export function h2loadArguments({
  address,
  path,
  encodings,
  seconds,
}: Omit<Volley, "connections">): string[] {
  const { Host: _, ...headers } = headersOf(encodings);
  return [
    ...["-c", String(CONNECTIONS), "-m", String(STREAMS), "-D", String(wholeSeconds(seconds))],
    `--connect-to=${address}`,
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name.toLowerCase()}: ${value}`]),
    `https://${HOST}${path}`,
  ];
}

/** Rejects when h2load cannot be run or says nothing that can be read, and when `signal` fires. */
export async function runH2load(
  volley: Omit<Volley, "connections">,
  signal?: AbortSignal,
): Promise<WrkResult> {
  return readH2load(await outputOf("h2load", h2loadArguments(volley), volley.seconds, signal));
}

/** Reads what h2load has printed at its end. Throws when it is not that. @internal */
export function readH2load(out: string): WrkResult {
  const rate = /^finished in \S+, (\d+(?:\.\d+)?) req\/s/m.exec(out)?.[1];
  const [, done, failed] = /, (\d+) done, \d+ succeeded, (\d+) failed, /.exec(out) ?? [];
  const [, good, moved] = /^status codes: (\d+) 2xx, (\d+) 3xx, /m.exec(out) ?? [];
  if (rate === undefined || done === undefined || good === undefined)
    throw new Error(`no figures of h2load in: ${out}`);
  const requests = Number(done);
  const bad = requests - Number(good) - Number(moved);
  return { requests, requestsPerSecond: Number(rate), errors: Math.max(bad, Number(failed)) };
}
