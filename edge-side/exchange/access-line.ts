/** A visit as a line of the access log. */
import { accessLine, type LineOptions } from "../../protocol/daemon/access-line.ts";
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
  const { method } = record;
  const client = clientOf(visitor, options.trusts);
  const protocol = `HTTP/${version}`;
  return accessLine({ client, method, protocol, fields, bytes }, { client, protocol }, record, options);
};
