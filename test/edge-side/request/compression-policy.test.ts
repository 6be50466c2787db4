// Whose bodies travel compressed: by type, by size, and by who had them sent.
import { describe, expect, it } from "vitest";
import {
  LEAST_CODED_BYTES,
  LEAST_CODED_FORM_BYTES,
  mayCodeRequest,
} from "../../../edge-side/request/compression-policy.ts";
import { MOST_ONE_PIECE_BYTES } from "../../../protocol/frames/request-coding.ts";

const kindOf = (fields: readonly string[], more: object = {}) => {
  const traits = { hasBody: true, upgrade: undefined, authority: "www.example.com", ...more };
  const may = mayCodeRequest({ ...traits, fields });
  if (may.kind === "never") return "never";
  return may.streamed ? "any" : "buffered";
};

const JSON_TYPE = ["Content-Type", "application/json"] as const;
const FORM_TYPE = ["Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"] as const;
const MULTIPART_TYPE = ["Content-Type", "multipart/form-data; boundary=x"] as const;

describe("by type", () => {
  it.each([
    ["application/json", "any"],
    ["Application/JSON;charset=utf-8", "any"],
    ["application/vnd.api+json", "any"],
    ["application/soap+xml", "any"],
    ["application/xml", "any"],
    ["application/x-ndjson", "any"],
    ["text/plain; charset=utf-8", "any"],
    ["text/csv", "any"],
    ["application/x-www-form-urlencoded", "any"],
    ["multipart/form-data; boundary=x", "buffered"],
    ["application/octet-stream", "never"],
    ["application/jsonish", "never"],
    ["application/zip", "never"],
    ["application/grpc", "never"],
    ["image/png", "never"],
    ["video/mp4", "never"],
    ["", "never"],
  ])("%j: %s", (type, kind) => {
    expect(kindOf(["content-type", type, "Content-Length", "5000"])).toBe(kind);
    expect(kindOf(["content-type", type, "Transfer-Encoding", "chunked"])).toBe(kind);
  });

  it.each([
    ["gzip", "never"],
    ["br", "never"],
    ["identity", "any"],
    ["", "any"],
  ])("with Content-Encoding %j: %s", (coding, kind) => {
    expect(kindOf([...JSON_TYPE, "Content-Encoding", coding])).toBe(kind);
  });

  it("never without a body, and never before an upgrade", () => {
    expect(kindOf(JSON_TYPE, { hasBody: false })).toBe("never");
    expect(kindOf(JSON_TYPE, { upgrade: "websocket" })).toBe("never");
  });
});

describe("by size", () => {
  it.each([
    [JSON_TYPE, LEAST_CODED_BYTES - 1, "never"],
    [JSON_TYPE, LEAST_CODED_BYTES, "any"],
    [JSON_TYPE, 1e12, "any"],
    [FORM_TYPE, LEAST_CODED_FORM_BYTES - 1, "never"],
    [FORM_TYPE, LEAST_CODED_FORM_BYTES, "any"],
    [MULTIPART_TYPE, LEAST_CODED_FORM_BYTES - 1, "never"],
    [MULTIPART_TYPE, LEAST_CODED_FORM_BYTES, "buffered"],
    [MULTIPART_TYPE, MOST_ONE_PIECE_BYTES, "buffered"],
    [MULTIPART_TYPE, MOST_ONE_PIECE_BYTES + 1, "never"],
  ])("%j of %i bytes: %s", (type, length, kind) => {
    expect(kindOf([...type, "Content-Length", String(length)])).toBe(kind);
  });
});

describe("by who had it sent", () => {
  it.each([
    [[], "any"],
    [["Sec-Fetch-Site", "same-origin"], "any"],
    [["Sec-Fetch-Site", "none"], "any"],
    [["Sec-Fetch-Site", "cross-site"], "never"],
    [["Sec-Fetch-Site", "same-site"], "never"],
    [["Sec-Fetch-Site", "news-from-the-future"], "never"],
    [["Origin", "https://www.example.com"], "any"],
    [["Origin", "http://www.example.com"], "any"],
    [["Origin", "https://WWW.example.com:443"], "any"],
    [["Origin", "https://www.example.com:8443"], "never"],
    [["Origin", "https://evil.example"], "never"],
    [["Origin", "https://www.example.com.evil.example"], "never"],
    [["Origin", "https://www.example.com@evil.example"], "never"],
    [["Origin", "null"], "never"],
    [["Origin", ""], "never"],
    [["Origin", "https://"], "never"],
    [["Sec-Fetch-Site", "same-origin", "Origin", "https://evil.example"], "never"],
    [["Sec-Fetch-Site", "cross-site", "Origin", "https://www.example.com"], "never"],
  ])("%j: %s", (fields, kind) => {
    expect(kindOf([...JSON_TYPE, ...fields])).toBe(kind);
  });

  it("an Origin is that of the host with the port that the request names", () => {
    const at = (authority: string) =>
      kindOf([...JSON_TYPE, "Origin", "http://shop.example:8080"], { authority });
    expect(at("shop.example:8080")).toBe("any");
    expect(at("shop.example")).toBe("never");
  });
});
