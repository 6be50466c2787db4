/** Requests of HTTP/1.1 as a raw visitor writes them, for the host of the tests. */

export const HOST = "www.example.com";

export const request = (line: string, fields: readonly string[] = [], body = ""): string =>
  `${line} HTTP/1.1\r\nHost: ${HOST}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n${body}`;

export const GET = (target = "/", ...fields: readonly string[]): string => request(`GET ${target}`, fields);

/** A response in one piece, as a raw web server writes it. */
export const response = (
  status: number | string,
  fields: readonly string[] = [],
  body: string | Buffer = "",
): string =>
  [
    `HTTP/1.1 ${typeof status === "number" ? `${status} Said` : status}`,
    ...fields,
    `Content-Length: ${body.length}`,
    "",
    typeof body === "string" ? body : body.toString("latin1"),
  ].join("\r\n");
