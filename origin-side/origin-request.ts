/**
 * The request as the web server gets it. A page travels as a delta only if its own bytes can be seen, so the web server is
 * asked for them as they are; parts of a page are not touched, and keep what the visitor accepts. SPEC section "Encodings".
 */
import { fieldOf, type RequestHead, withoutFields } from "../protocol/wire/http-head.ts";

const ACCEPT_ENCODING = new Set(["accept-encoding"]);
const ABOUT_PARTS = ["range", "if-range", "if-match"];

export const originRequest = (request: RequestHead): RequestHead => {
  if (ABOUT_PARTS.some((name) => fieldOf(request.fields, name) !== undefined)) return request;
  return {
    ...request,
    fields: [...withoutFields(request.fields, ACCEPT_ENCODING), "Accept-Encoding", "identity"],
  };
};
