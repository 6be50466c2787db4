/** An exchange as a line of the access log. */
import { accessLine, type LineOptions } from "../../protocol/daemon/access-line.ts";
import { listOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { ExchangeRecord } from "./access-record.ts";
import type { IncomingExchange } from "./incoming-exchange.ts";

/** What requests are on the way here is the edge's to say. */
const PROTOCOL = "HTTP/1.1";

export const accessLineOf = (
  record: ExchangeRecord,
  { request, id, sentBytes: bytes }: Pick<IncomingExchange, "request" | "id" | "sentBytes">,
  options: LineOptions,
): string => {
  const { method, fields } = request;
  const client = clientOf(fields);
  return accessLine(
    { client, method, protocol: PROTOCOL, fields, bytes },
    { client, method, id },
    record,
    options,
  );
};

/** The edge's peer stands last, and before it whom that peer names if the edge believes it. */
const clientOf = (fields: HeaderList): string | undefined => {
  const listed = listOf(fields, "x-forwarded-for")?.split(",") ?? [];
  return (listed.at(-2) ?? listed.at(-1))?.trim();
};
