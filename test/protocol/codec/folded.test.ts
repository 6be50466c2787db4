import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { codecById, codecIds } from "../../../protocol/codec/codecs.ts";
import {
  findSecrets,
  foldedCodec,
  foldOn,
  MOST_FOLDED_BYTES,
  MOST_SECRETS,
} from "../../../protocol/codec/folded.ts";
import { tokensOf } from "../../../protocol/codec/masked-tokens.ts";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { type Random, seeded } from "../../kit/random.ts";
import { MASKING_FRAMEWORKS } from "./masking-frameworks.ts";

const LIMIT = { pageBytes: MOST_FOLDED_BYTES } as const;
const splice = foldedCodec(spliceCodec);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ""), "hex");

const ROW = "<li>a row that has a form</li>\n";
const pageWith = (tokens: readonly string[]): Buffer =>
  Buffer.from(tokens.map((token) => `${ROW}<input name="csrf" value="${token}">\n`).join("") + ROW);
const sessionAs = (random: Random, name = "Rails") =>
  MASKING_FRAMEWORKS.find((framework) => framework.name === name)?.session(random) ?? (() => "");
const many = (count: number, token: () => string) => Array.from({ length: count }, token);

/** Of base64 that has + or / in one and not in the other, or writes it otherwise, a byte differs where both are folded: a step of three bytes. */
const stepsOf = (before: readonly string[], now: readonly string[]): number =>
  3 * now.filter((token, at) => writingOf(token) !== writingOf(before[at] ?? "")).length;
const writingOf = (token: string) => /&#43;|\\\//.exec(token)?.[0] ?? /[+/]/.test(token);

/** A token whose mask is 32 zero bytes, over the secret 00 01 … 1f. */
const secret = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
const handMade = (mask: number): string =>
  Buffer.concat([Buffer.alloc(32, mask), secret.map((byte) => byte ^ mask)]).toString("base64url");

describe.each(MASKING_FRAMEWORKS)("tokens of $name", ({ maskBytes, session }) => {
  it.each([1, 3, 30])("%d of them cost their masks alone, whatever was put in between", async (count) => {
    const random = seeded();
    const token = session(random);
    const [before, now] = [many(count, token), many(count, token)];
    const base = pageWith(before);
    const page = pageWith(now);
    const coded = await splice.encode([base], page);
    expect((await splice.decode([base], coded, LIMIT)).equals(page)).toBe(true);
    expect(coded.length).toBeLessThan(18 + count * (maskBytes + 1) + stepsOf(before, now));
    const more = pageWith(many(count + 2, token));
    const longer = await foldedCodec(zstdCodec).encode([Buffer.from("older"), base], more);
    const decoded = await foldedCodec(zstdCodec).decode([Buffer.from("older"), base], longer, LIMIT);
    expect(decoded.equals(more)).toBe(true);
    expect(longer.length).toBeLessThan(60 + (count + 2) * (maskBytes + 1));
  });

  it("that stay, or come again on the page, cost nothing", async () => {
    const random = seeded();
    const token = session(random);
    const other = session(random)();
    const again = token();
    const before = [other, token(), token(), token()];
    const now = [other, again, again, again];
    const coded = await splice.encode([pageWith(before)], pageWith(now));
    expect(coded.length).toBeLessThan(18 + maskBytes + stepsOf(before, now));
  });

  it("over another secret are no reason to fold", () => {
    const random = seeded();
    const [ours, theirs] = [session(random), session(random)];
    expect(foldOn(pageWith([ours()]), pageWith([theirs()]))).toBeUndefined();
    const stays = pageWith([ours()]);
    expect(foldOn(stays, Buffer.from(stays))).toBeUndefined();
  });
});

/** A base with one token, and room for another that comes in later; a page with both. */
const baseToComplete = () => {
  const random = seeded();
  const [ours, theirs] = [sessionAs(random), sessionAs(random)];
  const late = theirs();
  const base = pageWith([ours(), " ".repeat(late.length)]);
  return {
    base,
    page: pageWith([ours(), theirs()]),
    complete: () => void base.write(late, base.indexOf(" ".repeat(late.length)), "latin1"),
  };
};

describe("a base", () => {
  it("whose tokens were looked for is not looked through again", () => {
    const { base, page, complete } = baseToComplete();
    findSecrets(base);
    complete();
    expect(foldOn(base, page)?.masks.fresh.length).toBe(1);
  });

  it("whose tokens were not is looked through when a page is folded on it", () => {
    const { base, page, complete } = baseToComplete();
    complete();
    expect(foldOn(base, page)?.masks.fresh.length).toBe(2);
  });
});

describe("a folded page", () => {
  it("is written as the specification has it", async () => {
    const base = Buffer.from(`<p>${handMade(0)}</p>`);
    const page = Buffer.from(`<p>${handMade(1)}</p>`);
    // Tokens | which have a mask of their own | bytes of masks, and these | the splice: one run of 9 bytes.
    const coded = `01 01 20 ${"01".repeat(32)} 00 01 09 00 00`;
    expect((await splice.encode([base], page)).equals(hex(coded))).toBe(true);
    expect((await splice.decode([base], hex(coded), LIMIT)).equals(page)).toBe(true);
  });

  it.each([
    ["has the byte that stands for a token", (page: Buffer) => Buffer.concat([page, Buffer.alloc(1)])],
    ["is large", (page: Buffer) => Buffer.concat([page, Buffer.alloc(MOST_FOLDED_BYTES, "a")])],
  ])("is none that %s", async (_, made) => {
    const token = sessionAs(seeded());
    const base = pageWith([token()]);
    const page = made(pageWith([token()]));
    expect(foldOn(base, page)).toBeUndefined();
    await expect(splice.encode([base], page)).rejects.toThrow(DeltaError);
  });

  it("has so many secrets and no more", async () => {
    const random = seeded();
    const sessions = many(MOST_SECRETS + 2, () => "").map(() => sessionAs(random));
    const [base, page] = [1, 2].map(() => pageWith(sessions.map((token) => token()))) as [Buffer, Buffer];
    const coded = await foldedCodec(zstdCodec).encode([base], page);
    const decoded = await foldedCodec(zstdCodec).decode([base], coded, LIMIT);
    expect(decoded.equals(page)).toBe(true);
    expect(foldOn(base, page)?.masks.fresh.length).toBe(MOST_SECRETS);
  });

  it.each([
    ["empty", ""],
    ["cut in its masks", `01 01 20 ${"01".repeat(31)}`],
    ["of a token without a mask", "01 01 00 00 01 09 00 00"],
    ["of more tokens than are told", "00 00 00 01 09 00 00"],
    ["of fewer tokens than are told", `02 01 20 ${"01".repeat(32)} 00 01 09 00 00`],
    ["with masks left over", `01 00 20 ${"01".repeat(32)} 00 01 09 00 00`],
    ["of another secret", `01 01 20 ${"01".repeat(32)} 00 01 00 02 00 0004`],
    ["of a token that is cut", `01 01 20 ${"01".repeat(32)} 00 01 00 02 00 0080`],
    ["that ends in a token", `01 01 20 ${"01".repeat(32)} 00 01 00 01 00 00`],
    ["of more tokens than a page holds", "ffffffff7f 01"],
  ])("that is damaged is refused: %s", async (_, coded) => {
    const base = Buffer.from(`<p>${handMade(0)}</p>`);
    await expect(splice.decode([base], hex(coded), LIMIT)).rejects.toThrow(DeltaError);
  });

  it("is refused on bases without tokens, and where it becomes larger than it may", async () => {
    const coded = hex(`01 01 20 ${"01".repeat(32)} 00 01 09 00 00`);
    await expect(splice.decode([], coded, LIMIT)).rejects.toThrow(DeltaError);
    await expect(splice.decode([Buffer.from("no token")], coded, LIMIT)).rejects.toThrow(DeltaError);
    const base = Buffer.from(`<p>${handMade(0)}</p>`);
    await expect(splice.decode([base], coded, { pageBytes: base.length - 1 })).rejects.toThrow(DeltaError);
  });

  it("is a form of every codec, by a number of its own", () => {
    const ids = codecIds(["zstd", "vcdiff", "splice"]);
    expect(ids.map((id) => codecById(id + 4)?.name)).toEqual([
      "folded zstd",
      "folded vcdiff",
      "folded splice",
    ]);
  });
});

describe("what is no token", () => {
  it("is left alone wherever it stands, and a token is found wherever it stands", () => {
    const random = seeded();
    const token = sessionAs(random)();
    for (let before = 0; before < 100; before++) {
      const page = Buffer.from(`${" ".repeat(before)}${token}"`);
      expect(tokensOf(page).map(({ start, end }) => [start, end])).toEqual([[before, before + token.length]]);
      expect(tokensOf(Buffer.from(`${" ".repeat(before)}a${token}"`))).toEqual([]);
    }
  });

  it.each([
    ["#", ";"],
    ["&", "&#44;"],
    ["\\", "\\n"],
    [";", "\\"],
    ["43;", "&#4"],
  ])("is what stands beside one and is only like an escaped + or /: %s and %s", (before, after) => {
    const made = sessionAs(seeded(), "gorilla and nosurf by html/template");
    // Behind a backslash a / at its beginning would be an escaped one.
    const token = (many(40, made).find((text) => /^[^/].*&#43;/.test(text)) ?? "").replace(/=+$/, "");
    const page = Buffer.from(`"${before}${token}${after}"`);
    const start = 1 + before.length;
    expect(tokensOf(page).map(({ start, end }) => [start, end])).toEqual([[start, start + token.length]]);
  });

  it("is a text that mixes both alphabets of base64, or both writings of +, or has bits that are not its bytes'", () => {
    const mixed = `+_${handMade(1).slice(2)}`;
    const bits = `${handMade(1).slice(0, -1)}B`;
    const plus = `&#43;+${handMade(1).slice(2)}`;
    const none = [mixed, bits, plus].map((text) => tokensOf(Buffer.from(`"${text}"`)).length);
    expect(none).toEqual([0, 0, 0]);
  });
});
