/** What a visitor sees when there is no page to show: short, and nothing of what is inside. */
import type { OutgoingHttpHeaders } from "node:http";

/** Seconds after which a visitor may try again when no link is up. */
export const RETRY_AFTER_S = 5;

const SAYS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export const errorPage = (
  status: number,
): { readonly fields: OutgoingHttpHeaders; readonly body: string } => {
  const body = `${status} ${SAYS[status] ?? "Error"}\n`;
  return {
    fields: {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      "Cache-Control": "no-store",
      ...(status === 503 && { "Retry-After": RETRY_AFTER_S }),
    },
    body,
  };
};
