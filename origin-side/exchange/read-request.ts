/** What is read off the head of a request. One whose head is the same as one before it comes with the same list, and is read once. */
import { ownRequestId } from "../../protocol/frames/observed.ts";
import { fieldOf, type RequestHead, requestHeadFromList } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { onceFor } from "../../protocol/runtime/once-for.ts";

interface ReadRequest {
  readonly request: RequestHead;
  /** The Host field; empty where there is none. */
  readonly host: string;
  /** The id that it brings itself. */
  readonly ownId: string | undefined;
}

export const readRequest = onceFor((head: HeaderList): ReadRequest => {
  const request = requestHeadFromList(head);
  const { fields } = request;
  return { request, host: fieldOf(fields, "host") ?? "", ownId: ownRequestId(fields) };
});
