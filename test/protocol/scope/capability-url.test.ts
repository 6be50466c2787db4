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

const WORDS = [
  "government elections minister budget climate weather football champion interview history kitchen garden",
  "holiday travel company market university language science hospital children computer software version release",
  "install update security network window picture letter question answer country island mountain river bridge",
  "regierung haushalt wetter fussball meister geschichte kuche urlaub unternehmen hochschule sprache krankenhaus",
  "rechner fenster brucke versicherung entwicklung gouvernement ministre histoire vacances entreprise langue",
  "hopital ordinateur fenetre voyage peinture gobierno presupuesto ciudad historia vacaciones empresa idioma",
  "ordenador ventana viaje governo ministro storia vacanza impresa lingua ospedale calcolatore finestra viaggio",
  "regering geschiedenis vakantie bedrijf taal ziekenhuis venster reis schilderij",
].flatMap((line) => line.split(" "));

/** An address of words, as titles make them, behind a number. */
const titled = (seed: string): string => {
  const words = [...bytesOf(seed)].slice(0, 6).map((byte) => WORDS[byte % WORDS.length]);
  return `/news/${bytesOf(seed)[7]}${words.join("-")}?page=${bytesOf(seed)[8]}`;
};

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
    "?key=3f2a9c8b7d6e5f4a",
    "/00000000-0000-4000-8000-000000000001",
    "/3f2a9c8b7d6e5f4a",
    "/0000000000000001",
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

  // Another bound, or another place of the alphabet, would find more or fewer of 500 tokens: by themselves, and behind words.
  it.each([
    ["hexadecimal digits", 13, 224, 224],
    ["hexadecimal digits", 15, 309, 309],
    ["hexadecimal digits", 16, 500, 500],
    ["base 36", 13, 442, 442],
    ["base 36", 15, 486, 486],
    ["base 36", 16, 500, 492],
    ["base 62", 13, 422, 422],
    ["base 62", 15, 476, 476],
    ["base 62", 16, 500, 484],
    ["base64url", 13, 381, 381],
    ["base64url", 15, 456, 456],
    ["base64url", 16, 497, 470],
    ["base 32", 13, 431, 431],
    ["base 32", 15, 477, 477],
    ["base 32", 16, 500, 489],
    ["small letters", 13, 346, 346],
    ["small letters", 15, 420, 420],
    ["small letters", 16, 497, 448],
    ["digits", 13, 0, 0],
    ["digits", 15, 0, 0],
    ["digits", 16, 500, 500],
  ])("is %s, %i characters of them, in so many of 500", (name, chars, alone, behind) => {
    const [, alphabet = ""] = ALPHABETS.find(([each]) => each === name) ?? [];
    const tokens = Array.from({ length: 500 }, (_, at) => drawn(`edge ${at}`, alphabet, chars));
    expect([
      tokens.filter((token) => holdsCapability(`/invitations/${token}`)).length,
      tokens.filter((token) => holdsCapability(`/invitations/of-the-board-${token}?page=2`)).length,
    ]).toEqual([alone, behind]);
  });

  it("is in 0 of 1,000 addresses of words", () => {
    const taken = Array.from({ length: 1000 }, (_, at) => titled(`title ${at}`)).filter(holdsCapability);
    expect(taken).toEqual([]);
  });
});
