import { expect, it } from "vitest";
import { errorPage, RETRY_AFTER_S } from "../../../../edge-side/http/errors/error-page.ts";
import { STREAM_ERRORS } from "../../../../protocol/errors.ts";
import { fieldOf } from "../../../../protocol/http/head.ts";

it.each([400, ...new Set(Object.values(STREAM_ERRORS).map(({ visitor }) => visitor))])(
  "the page of %i says what HTTP says, and nothing else",
  (status) => {
    const { fields, body } = errorPage(status);
    expect(body).toMatch(new RegExp(`^${status} [A-Z][A-Za-z ]+\\n$`));
    expect(body).not.toContain("Error");
    expect(fieldOf(fields, "content-length")).toBe(String(body.length));
    expect(fieldOf(fields, "cache-control")).toBe("no-store");
    expect(fieldOf(fields, "retry-after")).toBe(status === 503 ? String(RETRY_AFTER_S) : undefined);
  },
);
