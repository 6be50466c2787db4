/** An exchange as a line of the access log. */
import { accessLine, flag, type LineOptions, number, text, word } from "../../protocol/daemon/access-line.ts";
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
  const asked = { client: clientOf(fields), method, protocol: PROTOCOL, fields, bytes };
  return accessLine(asked, record, (of) => `${text(',"id":', id)}${said(of)}`, options);
};

const said = (record: ExchangeRecord): string => {
  const answer = `${text(',"host":', record.host)}${number(',"stream":', record.stream)}${number(',"status":', record.status)}${word(',"answer":', record.answer)}${word(',"reason":', record.reason)}${word(',"failed":', record.failed)}${flag(',"streamed":', record.streamed)}`;
  return `${answer}${number(',"bases":', record.bases)}${number(',"pageBytes":', record.pageBytes)}${number(',"encodeMs":', record.encodeMs)}${number(',"originMs":', record.originMs)}${number(',"totalMs":', record.totalMs)}`;
};

/** The edge's peer stands last, and before it whom that peer names if the edge believes it. */
const clientOf = (fields: HeaderList): string | undefined => {
  const listed = listOf(fields, "x-forwarded-for")?.split(",") ?? [];
  return (listed.at(-2) ?? listed.at(-1))?.trim();
};
