/** Tokens as web frameworks mask them, each by the framework's own steps: `tokenOf` makes one of a session's secret. Seeded. */
import type { Random } from "../../kit/random.ts";

const xor = (bytes: Uint8Array, mask: Uint8Array): Buffer =>
  Buffer.from(bytes.map((byte, at) => byte ^ (mask[at % mask.length] ?? 0)));

const CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const characters = (random: Random, count: number): string =>
  Array.from({ length: count }, () => CHARACTERS[random.int(0, 61)]).join("");

const pairOf = (mask: Buffer, secret: Buffer): Buffer => Buffer.concat([mask, xor(secret, mask)]);
const unpadded = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

export interface MaskingFramework {
  readonly name: string;
  readonly maskBytes: number;
  /** A secret for a session, and what makes tokens of it. */
  session(random: Random): () => string;
}

const halves = (name: string, bytes: number, text: (both: Buffer) => string): MaskingFramework => ({
  name,
  maskBytes: bytes,
  session: (random) => {
    const secret = random.bytes(bytes);
    return () => text(pairOf(random.bytes(bytes), secret));
  },
});

export const MASKING_FRAMEWORKS: readonly MaskingFramework[] = [
  halves("Rails", 32, (both) => both.toString("base64url")),
  halves("gorilla and Rails before 6.1", 32, (both) => both.toString("base64")),
  halves("gorilla and nosurf by html/template", 32, (both) =>
    both.toString("base64").replaceAll("+", "&#43;"),
  ),
  halves("Spring", 36, unpadded),
  halves("CakePHP", 56, (both) => both.toString("base64")),
  halves("CakePHP in JSON", 56, (both) => both.toString("base64").replaceAll("/", "\\/")),
  halves("CodeIgniter", 16, (both) => both.toString("hex")),
  {
    name: "Django",
    maskBytes: 32,
    session: (random) => {
      const secret = characters(random, 32);
      return () => {
        const mask = characters(random, 32);
        const moved = [...secret].map(
          (each, at) => CHARACTERS[(CHARACTERS.indexOf(each) + CHARACTERS.indexOf(mask.charAt(at))) % 62],
        );
        return mask + moved.join("");
      };
    },
  },
  {
    name: "Tornado",
    maskBytes: 4,
    session: (random) => {
      const secret = random.bytes(16);
      return () => {
        const mask = random.bytes(4);
        return ["2", mask.toString("hex"), xor(secret, mask).toString("hex"), "1700000000"].join("|");
      };
    },
  },
  {
    name: "Phoenix",
    maskBytes: 18,
    session: (random) => {
      const made = () => random.bytes(18).toString("base64url");
      const secret = Buffer.from(made());
      return () => {
        const mask = made();
        return xor(secret, Buffer.from(mask)).toString("base64url") + mask;
      };
    },
  },
  {
    name: "Symfony",
    maskBytes: 32,
    session: (random) => {
      const secret = Buffer.from(random.bytes(32).toString("base64url"));
      return () => {
        const key = random.bytes(32);
        return ["a1b2", key.toString("base64url"), xor(secret, key).toString("base64url")].join(".");
      };
    },
  },
];
