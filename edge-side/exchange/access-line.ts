/** A visit as a line of the access log. */
import { accessLine, flag, type LineOptions, number, text, word } from "../../protocol/daemon/access-line.ts";
import type { VisitRecord } from "./access-record.ts";
import type { LoggedRequest } from "./visitor.ts";
import { clientOf } from "./visitor-address.ts";
import type { Trust } from "./visitor-request.ts";

export const accessLineOf = (
  record: VisitRecord,
  visitor: LoggedRequest,
  options: LineOptions & { readonly trusts: Trust },
): string => {
  const { version, fields, sentBytes: bytes } = visitor;
  const client = clientOf(visitor, options.trusts);
  const protocol = `HTTP/${version}`;
  const request = { client, method: record.method, protocol, fields, bytes };
  return accessLine(request, record, (of) => `,"protocol":"${protocol}"${said(of)}`, options);
};

const said = (record: VisitRecord): string => {
  const { mismatched, bodyBytes, requestBytes, originMs, linkMs, edgeMs } = record;
  const way = `${text(',"host":', record.host)}${text(',"id":', record.id)}${text(',"link":', record.link)}${number(',"stream":', record.stream)}`;
  const answer = `${number(',"status":', record.status)}${word(',"answer":', record.answer)}${word(',"reason":', record.reason)}${word(',"failed":', record.failed)}${flag(',"mismatched":', mismatched)}`;
  const sizes = `${number(',"bases":', record.bases)}${number(',"pageBytes":', record.pageBytes)}${number(',"answerBytes":', record.answerBytes)}${number(',"bodyBytes":', bodyBytes)}${number(',"requestBytes":', requestBytes)}`;
  const times = `${number(',"decodeMs":', record.decodeMs)}${number(',"originMs":', originMs)}${number(',"linkMs":', linkMs)}${number(',"edgeMs":', edgeMs)}${number(',"totalMs":', record.totalMs)}`;
  return `${way}${answer}${sizes}${times}`;
};
