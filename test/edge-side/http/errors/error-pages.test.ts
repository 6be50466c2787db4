// Which page whom an error of the edge's own is shown by, and what Proxy-Status says of it.
import { describe, expect, it } from "vitest";
import { errorPage } from "../../../../edge-side/http/errors/error-page.ts";
import { ErrorPages } from "../../../../edge-side/http/errors/error-pages.ts";
import { errorTypeOf, FAILURES } from "../../../../edge-side/http/errors/proxy-status.ts";
import { ConfigError } from "../../../../protocol/config/parse-config.ts";
import { STREAM_ERRORS, type StreamErrorCode } from "../../../../protocol/errors.ts";
import { fieldOf } from "../../../../protocol/http/head.ts";
import { DeadlineError } from "../../../../protocol/runtime/clock.ts";
import { configOf, HOST, keysFor } from "../../edge-under-test.ts";

const FILES = { all: "<p>all", site: "<p>site", busy: "<p>busy", large: "<p>large" };
const pagesWith = (pages: unknown, more: object = {}): ErrorPages =>
  new ErrorPages(
    "coilgun-test",
    configOf({
      settings: { keys: keysFor([{ host: HOST, errorPage: pages }, "other.example.com"]), ...more },
      files: FILES,
    }),
  );
const BROWSER = ["Accept", "text/html,application/xhtml+xml,*/*;q=0.8"];
const asked = (fields = BROWSER, host = HOST) => ({ host, fields });
const bodyOf = (pages: ErrorPages, code: StreamErrorCode, by = asked()): string =>
  pages.of(STREAM_ERRORS[code].visitor, by, { code }).body.toString();

describe("a host's own page", () => {
  it.each<[unknown, StreamErrorCode, string]>([
    ["all", "refused", "<p>all"],
    ["all", "origin-failed", "<p>all"],
    [{ all: "all", site: "site" }, "origin-failed", "<p>site"],
    [{ all: "all", site: "site" }, "link-lost", "<p>all"],
    [{ all: "all", site: "site", 503: "busy" }, "no-place", "<p>busy"],
    [{ 431: "large" }, "head-too-large", "<p>large"],
  ])("of %j for %s is %s", (pages, code, page) => expect(bodyOf(pagesWith(pages), code)).toBe(page));

  it("has our status' fields, and its own length in bytes", () => {
    const { fields, body } = pagesWith("all").of(503, asked(), { code: "refused" });
    expect(
      ["content-type", "content-length", "cache-control", "retry-after"].map((name) => fieldOf(fields, name)),
    ).toEqual(["text/html; charset=utf-8", String(body.length), "no-store", "5"]);
  });

  it.each([
    ["*/*"],
    ["application/json"],
    ["text/html;q=0, application/json"],
    ["application/json, text/htmlx"],
    [undefined],
  ])("is not for a visitor that accepts %s, nor for another host", (accept) => {
    const fields = accept === undefined ? [] : ["Accept", accept];
    expect(bodyOf(pagesWith("all"), "refused", asked(fields))).toBe("503 Service Unavailable\n");
    expect(bodyOf(pagesWith("all"), "refused", asked(BROWSER, "other.example.com"))).not.toContain("<p>all");
  });

  it("is another one after a reload, and gone when the setting is", () => {
    const pages = pagesWith("all");
    const settings = (page: unknown) =>
      configOf({ settings: { keys: keysFor([{ host: HOST, errorPage: page }]) }, files: FILES });
    pages.replace(settings("site"));
    expect(bodyOf(pages, "refused")).toBe("<p>site");
    pages.replace(settings(undefined));
    expect(bodyOf(pages, "refused")).toContain("could not reach it");
  });

  it("has at most 256 KiB", () => {
    const settings = { keys: keysFor([{ host: HOST, errorPage: "huge" }]) };
    const read = (bytes: number) => configOf({ settings, files: { huge: "x".repeat(bytes) } });
    expect(() => read(256 * 1024)).not.toThrow();
    expect(() => read(256 * 1024 + 1)).toThrow(ConfigError);
  });
});

it("without one, browsers read who failed, and nothing of what is inside", () => {
  const pages = pagesWith(undefined);
  expect(bodyOf(pages, "origin-failed")).toMatch(
    /<title>502 Bad Gateway<\/title>[\s\S]*The web server of this site/,
  );
  expect(bodyOf(pages, "link-lost")).toMatch(
    /<title>502 Bad Gateway<\/title>[\s\S]*The proxy before this site/,
  );
  expect(bodyOf(pages, "head-too-large")).toBe(errorPage(431).body);
});

describe("Proxy-Status", () => {
  const statusOf = (pages: ErrorPages, ...of: Parameters<ErrorPages["of"]>) =>
    fieldOf(pages.of(...of).fields, "proxy-status");

  it("is there by setting alone", () => {
    expect(statusOf(pagesWith("all"), 503, asked(), { code: "refused" })).toBeUndefined();
    expect(pagesWith("all").withFallback(["A", "b"], "no-link")).toEqual(["A", "b"]);
    const pages = pagesWith("all", { proxyStatus: true });
    expect(statusOf(pages, 503, asked(), { code: "refused" })).toBe(
      "coilgun-test; error=destination_unavailable",
    );
    expect(statusOf(pages, 400)).toBe("coilgun-test; error=http_request_error");
    expect(pages.withFallback(["A", "b"], "no-link")).toEqual([
      "A",
      "b",
      "Proxy-Status",
      'coilgun-test; details="fallback: no-link"',
    ]);
  });

  it("has a type of the registry for every way to fail, and tells the request's faults from others", () => {
    expect(Object.keys(FAILURES)).toEqual(Object.keys(STREAM_ERRORS));
    for (const [code, { type, failed }] of Object.entries(FAILURES)) {
      expect(REGISTERED, code).toContain(type);
      const { visitor } = STREAM_ERRORS[code as StreamErrorCode];
      expect(failed === undefined, code).toBe(type.startsWith("http_request_"));
      if (visitor < 500) expect(failed, code).toBeUndefined();
    }
  });

  const error = (code: string) => Object.assign(new Error(code), { code });
  it.each<[string, unknown, string]>([
    ["nothing", undefined, "destination_unavailable"],
    ["no words", new Error("x"), "destination_unavailable"],
    ["a deadline", new DeadlineError(5_000), "connection_timeout"],
    ["ECONNREFUSED", error("ECONNREFUSED"), "connection_refused"],
    ["several addresses", new AggregateError([error("ECONNREFUSED")]), "connection_refused"],
    ...["EADDRNOTAVAIL", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"].map(
      (code): [string, unknown, string] => [code, error(code), "destination_ip_unroutable"],
    ),
    ["ENOTFOUND", error("ENOTFOUND"), "dns_error"],
    ["EAI_AGAIN", error("EAI_AGAIN"), "dns_error"],
    ["another name", error("ERR_TLS_CERT_ALTNAME_INVALID"), "tls_certificate_error"],
    ["another authority", error("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "tls_certificate_error"],
    ["no TLS", error("ERR_SSL_WRONG_VERSION_NUMBER"), "tls_protocol_error"],
    ["no HTTP", error("HPE_INVALID_CONSTANT"), "http_protocol_error"],
    ["a reset", error("ECONNRESET"), "connection_terminated"],
  ])("of a web server that failed by %s says so", (_, cause, type) =>
    expect(errorTypeOf({ code: "origin-failed", cause })).toBe(type),
  );
});

/** RFC 9209 section 2.3. */
const REGISTERED =
  `dns_timeout dns_error destination_not_found destination_unavailable destination_ip_prohibited
  destination_ip_unroutable connection_refused connection_terminated connection_timeout connection_read_timeout
  connection_write_timeout connection_limit_reached tls_protocol_error tls_certificate_error tls_alert_received
  http_request_error http_request_denied http_response_incomplete http_response_header_section_size
  http_response_header_size http_response_body_size http_response_trailer_section_size
  http_response_trailer_size http_response_transfer_coding http_response_content_coding http_response_timeout
  http_upgrade_failed http_protocol_error proxy_internal_response proxy_internal_error
  proxy_configuration_error proxy_loop_detected`.split(/\s+/);
