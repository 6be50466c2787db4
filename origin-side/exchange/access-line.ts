/** An exchange as a line of the access log. */
import {
  combinedLine,
  jsonLine,
  type LineTime,
  withoutQuerySecrets,
} from "../../protocol/daemon/access-line.ts";
import type { AccessLog } from "../../protocol/daemon/access-log.ts";
import { fieldOf, listOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { ExchangeRecord } from "./access-record.ts";
import type { IncomingExchange } from "./incoming-exchange.ts";

/** What requests are on the way here is the edge's to say. */
const PROTOCOL = "HTTP/1.1";

export const accessLineOf = (
  record: ExchangeRecord,
  { request, id, sentBytes: bytes }: Pick<IncomingExchange, "request" | "id" | "sentBytes">,
  options: {
    readonly time: LineTime;
    /** Milliseconds since 1970. */
    readonly today: number;
    readonly wants: NonNullable<AccessLog["wants"]>;
  },
): string => {
  const { time, today, wants } = options;
  const { method, fields } = request;
  const { status } = record;
  const client = clientOf(fields);
  const target = withoutQuerySecrets(record.target);
  const userAgent = wants.userAgent ? fieldOf(fields, "user-agent") : undefined;
  if (wants.format === "combined") {
    const referer = wants.userAgent ? fieldOf(fields, "referer") : undefined;
    return combinedLine(time.common(today), {
      client,
      method,
      target,
      protocol: PROTOCOL,
      status,
      bytes,
      referer: referer && withoutQuerySecrets(referer),
      userAgent,
    });
  }
  return jsonLine(time.iso(today), { client, method, id }, { ...record, target }, { bytes, userAgent });
};

/** The edge's peer stands last, and before it whom that peer names if the edge believes it. */
const clientOf = (fields: HeaderList): string | undefined => {
  const listed = listOf(fields, "x-forwarded-for")?.split(",") ?? [];
  return (listed.at(-2) ?? listed.at(-1))?.trim();
};
