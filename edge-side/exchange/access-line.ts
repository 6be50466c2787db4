/** A visit as a line of the access log. */
import {
  combinedLine,
  jsonLine,
  type LineTime,
  withoutQuerySecrets,
} from "../../protocol/daemon/access-line.ts";
import type { AccessLog } from "../../protocol/daemon/access-log.ts";
import { fieldOf } from "../../protocol/http/head.ts";
import type { VisitRecord } from "./access-record.ts";
import type { LoggedRequest } from "./visitor.ts";
import { clientOf } from "./visitor-address.ts";
import type { Trust } from "./visitor-request.ts";

interface LineOptions {
  readonly time: LineTime;
  /** Milliseconds since 1970. */
  readonly today: number;
  readonly wants: NonNullable<AccessLog["wants"]>;
  readonly trusts: Trust;
}

export const accessLineOf = (
  record: VisitRecord,
  visitor: LoggedRequest,
  { time, today, wants, trusts }: LineOptions,
): string => {
  const { version, fields, sentBytes: bytes } = visitor;
  const client = clientOf(visitor, trusts);
  const protocol = `HTTP/${version}`;
  const userAgent = wants.userAgent ? fieldOf(fields, "user-agent") : undefined;
  const { method, status } = record;
  const target = withoutQuerySecrets(record.target);
  if (wants.format === "combined") {
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
  }
  return jsonLine(time.iso(today), { client, protocol }, { ...record, target }, { bytes, userAgent });
};
