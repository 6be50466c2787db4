/** What is compressed for visitors, and what no codec is tried on. */
import { describe, expect, it } from "vitest";
import { isCompressed, isCompressible, isEventStream } from "../../../protocol/http/compressible.ts";

describe("for visitors", () => {
  it.each([
    "text/html",
    "TEXT/HTML; charset=utf-8",
    " text/plain ;charset=utf-8",
    "text/x-of-somebody",
    "application/json",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "application/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/wasm",
    "application/manifest+json",
    "application/ld+json",
    "application/graphql",
    "application/x-ndjson",
    "application/vnd.of-somebody+json",
    "application/xhtml+xml",
    "image/svg+xml",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "font/ttf",
    "font/otf",
    "font/collection",
  ])("%s is compressed", (type) => {
    expect(isCompressible(type)).toBe(true);
  });

  it.each([
    "text/event-stream",
    "Text/Event-Stream; charset=utf-8",
    "image/png",
    "image/jpeg",
    "image/webp",
    "video/mp4",
    "audio/mpeg",
    "font/woff",
    "font/woff2",
    "application/zip",
    "application/gzip",
    "application/pdf",
    "application/x-tar",
    "application/x-virtualbox-vdi",
    "application/octet-stream",
    "application/of-nobody",
    "html",
    "",
    ";",
  ])("%j is not compressed", (type) => {
    expect(isCompressible(type)).toBe(false);
  });
});

describe("for the link", () => {
  it.each([
    "image/png",
    "IMAGE/AVIF",
    "video/mp4",
    "audio/mpeg",
    "audio/webm",
    "font/woff2",
    "application/zip",
  ])("%s is compressed as it is", (type) => {
    expect(isCompressed(type)).toBe(true);
  });

  it.each([
    "text/html",
    "image/svg+xml",
    "image/bmp",
    "image/x-icon",
    "image/tiff",
    "image/x-portable-pixmap",
    "audio/wav",
    "audio/x-wav",
    "audio/vnd.wave",
    "audio/midi",
    "audio/L16",
    "font/ttf",
    "application/wasm",
    "application/octet-stream",
    "application/of-nobody",
    "",
  ])("%j may gain by a delta", (type) => {
    expect(isCompressed(type)).toBe(false);
  });

  it("an event stream is told by its type alone", () => {
    expect(
      ["text/event-stream", "Text/Event-Stream;x=y", "text/event-streams", ""].map((type) =>
        isEventStream(["Content-Type", type]),
      ),
    ).toEqual([true, true, false, false]);
  });
});
