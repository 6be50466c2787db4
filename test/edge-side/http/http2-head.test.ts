import { expect, it } from "vitest";
import { readHttp2Request } from "../../../edge-side/http/http2-head.ts";

it("white space around a value of an HTTP/2 request is no part of it", () => {
  const raw = [":method", "GET", ":path", "/", ":authority", "www.example.com"];
  const fields = ["cookie", "sid=1; ", "cookie", " b=2", "authorization", "Bearer a\t", "x", "\t b  c "];
  expect(readHttp2Request([...raw, ...fields]).fields).toEqual([
    "Host",
    "www.example.com",
    "authorization",
    "Bearer a",
    "x",
    "b  c",
    "Cookie",
    "sid=1;; b=2",
  ]);
});
