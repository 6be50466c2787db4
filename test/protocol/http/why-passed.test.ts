import { describe, expect, it } from "vitest";
import { isOfUnknownType, LEAST_CODED_BYTES, whyPassed } from "../../../protocol/http/why-passed.ts";

const response = (fields: readonly string[], status = 200) => ({ status, reason: "", fields });
const HTML = ["Content-Type", "text/html; charset=utf-8"];

describe("a body passes, or is worth a delta:", () => {
  it.each([
    ["html", HTML, undefined],
    ["no type at all", [], undefined],
    ["json", ["content-type", "application/json"], undefined],
    ["javascript", ["Content-Type", "text/javascript"], undefined],
    ["svg", ["Content-Type", "image/svg+xml"], undefined],
    ["an icon", ["Content-Type", "image/x-icon"], undefined],
    ["jpeg", ["Content-Type", "image/jpeg"], "not-compressible"],
    ["png, oddly written", ["Content-Type", "IMAGE/PNG; q=1"], "not-compressible"],
    ["video", ["Content-Type", "video/mp4"], "not-compressible"],
    ["a web font", ["Content-Type", "font/woff2"], "not-compressible"],
    ["another font", ["Content-Type", "font/ttf"], undefined],
    ["zip", ["Content-Type", "application/zip"], "not-compressible"],
    [
      "a spreadsheet",
      ["Content-Type", "application/vnd.openxmlformats-officedocument.sheet"],
      "not-compressible",
    ],
    ["html, gzipped", [...HTML, "Content-Encoding", "gzip"], "not-compressible"],
    ["html, in a coding that is none", [...HTML, "Content-Encoding", " Identity"], undefined],
    ["events", ["Content-Type", "text/event-stream; charset=utf-8"], "event-stream"],
    ["one byte too short", [...HTML, "Content-Length", String(LEAST_CODED_BYTES - 1)], "too-small"],
    ["just long enough", [...HTML, "Content-Length", String(LEAST_CODED_BYTES)], undefined],
    ["empty", [...HTML, "Content-Length", "0"], "too-small"],
  ] as const)("%s", (_, fields, reason) => {
    expect(whyPassed("GET", response(fields))).toBe(reason);
  });

  it.each([
    [200, undefined],
    [404, undefined],
    [500, undefined],
    [101, "no-body"],
    [204, "no-body"],
    [205, "no-body"],
    [206, "partial"],
    [304, "no-body"],
  ] as const)("status %i", (status, reason) => {
    expect(whyPassed("GET", response(HTML, status))).toBe(reason);
  });

  it("to HEAD there is no body, to POST there is", () => {
    expect([whyPassed("HEAD", response(HTML)), whyPassed("POST", response(HTML))]).toEqual([
      "no-body",
      undefined,
    ]);
  });
});

it.each([
  [[], true],
  [["Content-Type", "application/octet-stream"], true],
  [["Content-Type", "application/of-nobody"], true],
  [["Content-Type", "application/wasm"], false],
  [HTML, false],
] as const)("of %j it is said that its first bytes decide: %s", (fields, unknown) => {
  expect(isOfUnknownType(response(fields))).toBe(unknown);
});
