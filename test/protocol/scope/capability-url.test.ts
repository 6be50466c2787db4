import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { holdsCapability } from "../../../protocol/scope/capability-url.ts";

/** Bytes that are the same in every run. */
const bytesOf = (seed: string): Buffer => createHash("sha256").update(seed).digest();

const drawn = (seed: string, alphabet: string, chars: number): string =>
  Array.from({ length: Math.ceil(chars / 32) }, (_, at) => [...bytesOf(`${seed} ${at}`)])
    .flat()
    .slice(0, chars)
    .map((byte) => alphabet[byte % alphabet.length])
    .join("");

const SMALL = "abcdefghijklmnopqrstuvwxyz";
const ALPHABETS: readonly (readonly [string, string, number])[] = [
  ["hexadecimal digits", "0123456789abcdef", 16],
  ["base 36", `${SMALL}0123456789`, 16],
  ["base 62", `${SMALL}${SMALL.toUpperCase()}0123456789`, 16],
  ["base64url", `${SMALL}${SMALL.toUpperCase()}0123456789-_`, 16],
  ["base 32", `${SMALL.toUpperCase()}234567`, 16],
  ["small letters", SMALL, 20],
  ["digits", "0123456789", 16],
];

describe("a capability in an address", () => {
  it.each(ALPHABETS)(
    "is %s, in 99 of 100, and in 92 of 100 behind the words of a slug",
    (_, alphabet, chars) => {
      const tokens = Array.from({ length: 500 }, (_, at) => drawn(`token ${at}`, alphabet, chars));
      for (const around of [
        (token: string) => `/invite/${token}/join`,
        (token: string) => `/confirm?mail=a%40b.example&token=${token}&lang=en`,
        (token: string) => `/docs/notes-of-the-board-${token}`,
      ]) {
        const found = tokens.filter((token) => holdsCapability(around(token)));
        expect(found.length).toBeGreaterThanOrEqual(around("").startsWith("/docs") ? 460 : 495);
      }
    },
  );

  it.each([
    "/reset/MQ/c8r1zn-0d1f4e5a6b7c8d9e0f1a2b3c4d5e6f70/",
    "/orders/7A4C6628-433D-4F60-9E2A-2559D87EBE96",
    "/cart;jsessionid=1A530637289A03B07199A44E8D531427",
    "/login?next=%2Fs%2FXfYRCOY8KOfLEXV1trnXgf",
    "/t?jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "/reset?k=dGhpcyBpcyBh%2Bc2VjcmV0",
    "/share/3f2a9c8b7d6e5f4a.pdf",
    "/s/3f2a9c8b7d6e5f4a/app.js",
    "/app.js?key=3f2a9c8b7d6e5f4a",
    "/?gclid=abc&token=3f2a9c8b7d6e5f4a",
  ])("is in %s", (target) => expect(holdsCapability(target)).toBe(true));

  it.each([
    "/",
    "/2026/11/29/how-to-install-wordpress-on-ubuntu-24-04",
    "/wiki/Special:RecentChangesLinked/User:SomebodyElse?limit=500&days=30&hidebots=1",
    "/politik/ausland/geisterfahrt-auf-dem-highway-a-91264212.html",
    "/p/iphone-15-pro-max-256gb-blau-a2849",
    "/search?q=antidisestablishmentarianism+internationalization&page=12",
    "/%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82-%D0%BC%D0%B8%D1%80",
    "/wp-admin/admin-ajax.php?action=heartbeat&_=1732863600000",
    "/assets/application-3f2a9c8b7d6e5f4a3f2a9c8b7d6e5f4a.css",
    "/_next/static/XfYRCOY8KOfLEXV1trnXg/_buildManifest.js",
    "/_next/data/XfYRCOY8KOfLEXV1trnXg/news/today.json",
    "/landing?utm_source=mail&gclid=EAIaIQobChMIh7mX8v2Y4gIVhLvtCh0R3Q1xEAAYASAAEgKx",
  ])("is not in %s", (target) => expect(holdsCapability(target)).toBe(false));
});
