/**
 * How long requests took, counted while they are served and made into a histogram only when somebody asks: one look-up and two additions a
 * request. Labels are those that OpenTelemetry's semantic conventions for HTTP name, each with few values.
 */

/** Upper bounds of the buckets, seconds: those that OpenTelemetry recommends for HTTP. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
const BEYOND = BOUNDS_S.length;
const SUM = BEYOND + 1;

/** RFC 9110 section 9 and RFC 5789; others are one, since visitors can name any. */
const OTHER = "_OTHER";
const METHODS = [OTHER, ..."GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH".split(" ")];
const METHOD_NUMBERS = new Map(METHODS.map((method, number) => [method, number]));
const VERSIONS = ["1.0", "1.1", "2.0"] as const;

/** Beyond so many series a status counts as the first of its class. @internal */
export const MOST_SERIES = 500;

export interface TimedRequest {
  readonly method: string;
  readonly version: (typeof VERSIONS)[number];
  readonly scheme: "http" | "https";
}

/** Each bucket's own requests, one for those beyond all bounds, and the sum of all in seconds. */
type Series = Float64Array;

export class Durations {
  /** By a number that is made of the labels, and for those that failed also by why. */
  readonly #ended = new Map<number, Series>();
  readonly #failed = new Map<string, Map<number, Series>>();

  /** `status` is undefined where there was none; `error` is of a closed list. */
  note({ method, version, scheme }: TimedRequest, status = 0, error: string | undefined, ms: number): void {
    const labels =
      ((METHOD_NUMBERS.get(method) ?? 0) * VERSIONS.length + VERSIONS.indexOf(version)) * 2 +
      (scheme === "https" ? 1 : 0);
    const of = error === undefined ? this.#ended : this.#failedBy(error);
    const key = labels * 1_000 + status;
    const series = of.get(key) ?? newSeries(of, key);
    const seconds = ms / 1_000;
    let bucket = 0;
    while (bucket < BEYOND && seconds > (BOUNDS_S[bucket] as number)) bucket++;
    (series[bucket] as number)++;
    (series[SUM] as number) += seconds;
  }

  /** As Prometheus' text has them: the name's end, the labels, the value. */
  *samples(): Generator<{
    readonly suffix: string;
    readonly labels: Record<string, string>;
    readonly value: number;
  }> {
    for (const [error, ended] of [["", this.#ended] as const, ...this.#failed])
      for (const [key, series] of ended) {
        const labels = { ...labelsOf(key), error_type: error };
        let count = 0;
        for (let bucket = 0; bucket <= BEYOND; bucket++) {
          count += series[bucket] ?? 0;
          yield {
            suffix: "_bucket",
            labels: { ...labels, le: String(BOUNDS_S[bucket] ?? "+Inf") },
            value: count,
          };
        }
        yield { suffix: "_sum", labels, value: series[SUM] ?? 0 };
        yield { suffix: "_count", labels, value: count };
      }
  }

  #failedBy(error: string): Map<number, Series> {
    const known = this.#failed.get(error) ?? new Map<number, Series>();
    this.#failed.set(error, known);
    return known;
  }
}

const newSeries = (all: Map<number, Series>, key: number): Series => {
  const status = key % 1_000;
  const bounded = all.size < MOST_SERIES ? key : key - (status % 100);
  const series = all.get(bounded) ?? new Float64Array(SUM + 1);
  all.set(bounded, series);
  return series;
};

const labelsOf = (key: number): Record<string, string> => {
  const status = key % 1_000;
  const labels = Math.floor(key / 1_000);
  const method = Math.floor(labels / 2 / VERSIONS.length);
  const version = VERSIONS[Math.floor(labels / 2) % VERSIONS.length];
  return {
    http_request_method: METHODS[method] ?? OTHER,
    http_response_status_code: status === 0 ? "" : String(status),
    network_protocol_version: version === "2.0" ? "2" : String(version),
    url_scheme: labels % 2 === 1 ? "https" : "http",
  };
};
