/** How `origin.yaml` says that a web server is asked whether it is well. docs/operations.md section "Several web servers of one route". */
import { z } from "zod";
import { block, count, shortFor, time, written } from "../../protocol/config/schema.ts";
import { UnitError } from "../../protocol/config/units.ts";

export interface HealthCheck {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Checks in a row that must pass before it is given requests again, and fail before it is given none. */
  readonly healthy: number;
  readonly unhealthy: number;
  readonly status: StatusRange;
}

interface StatusRange {
  readonly least: number;
  readonly most: number;
}

/** `200` and `200-399`. */
const parseStatus = (text: string): StatusRange => {
  const [, least, most = least] = /^\s*([2-5]\d\d)\s*(?:-\s*([2-5]\d\d)\s*)?$/.exec(text) ?? [];
  if (least === undefined || Number(least) > Number(most))
    throw new UnitError("must be a status or a range of them, such as 200 or 200-399");
  return { least: Number(least), most: Number(most) };
};

const parsePath = (text: string): string => {
  if (/^\/[\x21-\x7e]*$/.test(text) && !text.includes("#")) return text;
  throw new UnitError("must be a path with or without a query, such as /healthz");
};

export const healthCheck = () =>
  z.preprocess(
    shortFor("path"),
    block({
      path: written(parsePath, "a path, such as /healthz").describe("What is asked for, with GET."),
      interval: time("2s", { least: "100ms", most: "1h" }).describe(
        "From the end of a check to the next one.",
      ),
      timeout: time("2s", { least: "10ms", most: "5m" }).describe("Until the head of its answer is here."),
      healthy: count(2, { least: 1, most: 100 }).describe(
        "Checks in a row that pass before it is given requests again.",
      ),
      unhealthy: count(3, { least: 1, most: 100 }).describe(
        "Checks in a row that fail before it is given none.",
      ),
      status: z
        .preprocess(
          (value) => (typeof value === "number" ? String(value) : value),
          written(parseStatus, "a status or a range, such as 200-399"),
        )
        .prefault("200-399")
        .describe("The statuses that pass."),
    }).transform(
      ({ interval, timeout, ...rest }): HealthCheck => ({
        ...rest,
        intervalMs: interval,
        timeoutMs: timeout,
      }),
    ),
  );
