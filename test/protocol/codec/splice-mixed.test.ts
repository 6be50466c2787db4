// Splices that are mixed: what the mixing coder makes, as the codec has it.
import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import { codecById } from "../../../protocol/codec/codecs.ts";
import { foldedCodec, foldOn, withMasks } from "../../../protocol/codec/folded.ts";
import { SPLICE_PAGE_BYTES, spliceCodec, spliceMixed } from "../../../protocol/codec/splice.ts";
import { MIXED_ADDED_BYTES, MIXED_STEPS } from "../../../protocol/mixing/mixed-page.ts";
import { seeded } from "../../kit/random.ts";
import { madePage, madeVersions } from "./made-pages.ts";
import { MASKING_FRAMEWORKS } from "./masking-frameworks.ts";

const BOUNDS = { steps: MIXED_STEPS, addedBytes: MIXED_ADDED_BYTES };
const LIMIT = { pageBytes: SPLICE_PAGE_BYTES };

describe("a mixed splice", () => {
  const TEN = "0123456789".repeat(10);

  it.each([
    ["that of the same page", "03702d", TEN],
    ["that of two bytes put in", "03503c00bcfffe18dbb3", `${TEN.slice(0, 70)}++${TEN.slice(70)}`],
  ])("is the worked bytes of SPEC: %s", async (_, hex, page) => {
    expect(spliceMixed([Buffer.from(TEN)], Buffer.from(page), BOUNDS)?.coded.toString("hex")).toBe(hex);
    expect((await spliceCodec.decode([Buffer.from(TEN)], Buffer.from(hex, "hex"), LIMIT)).toString()).toBe(
      page,
    );
  });

  it("decodes as any splice does", async () => {
    const [older, base, page] = madeVersions(seeded(), { rows: 60, count: 3 }) as [Buffer, Buffer, Buffer];
    const { coded, bases } = spliceMixed([older, base], page, BOUNDS) ?? { coded: Buffer.alloc(0), bases: 0 };
    expect(coded[0]).toBe(3);
    expect((await spliceCodec.decode([older, base].slice(-bases), coded, LIMIT)).equals(page)).toBe(true);
  });

  it("that is cut or damaged is a DeltaError, or another page", async () => {
    const random = seeded();
    const [base, page] = madeVersions(random, { rows: 30, count: 2 }) as [Buffer, Buffer];
    const delta = spliceMixed([base], page, BOUNDS)?.coded ?? Buffer.alloc(0);
    for (let kept = 1; kept < delta.length; kept += 3) {
      const got = await spliceCodec
        .decode([base], delta.subarray(0, kept), LIMIT)
        .catch((error: unknown) => error);
      if (Buffer.isBuffer(got)) expect(got.equals(page)).toBe(false);
      else expect(got).toBeInstanceOf(DeltaError);
    }
    await expect(spliceCodec.decode([base], Buffer.concat([delta, random.bytes(20)]), LIMIT)).rejects.toThrow(
      /no page within the limits/,
    );
  });

  it("of a folded page has the masks of its tokens alone", async () => {
    const random = seeded();
    const token = MASKING_FRAMEWORKS[0]?.session(random);
    const rows = madePage(random, 50).toString();
    const [base, page] = [1, 2].map(() =>
      Buffer.from(rows.replaceAll("</ul>", `<input value="${token?.()}"></ul>`)),
    ) as [Buffer, Buffer];
    const folded = foldOn(base, page);
    const coded = folded && spliceMixed([folded.base], folded.page, BOUNDS)?.coded;
    if (folded === undefined || coded === undefined) throw new Error("it does not fold");
    const delta = withMasks(folded, coded);
    expect(delta.length).toBeLessThan(34 + 8);
    const codec = codecById(foldedCodec(spliceCodec).id);
    expect((await codec?.decode([base], delta, LIMIT))?.equals(page)).toBe(true);
  });
});
