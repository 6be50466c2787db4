// A page that takes turns to read, and whose visitor leaves before it is read.
import { expect, it } from "vitest";
import { spliceCodec, spliceMixedAlone } from "../../../protocol/codec/splice.ts";
import type { AnswerForm } from "../../../protocol/frames/frame.ts";
import { whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { AT_ONCE_BYTES, LONG_PAGES } from "../../../protocol/mixing/long-pages.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { seeded } from "../../kit/random.ts";
import { decoding } from "../../kit/rebuilding.ts";
import { madePage } from "../../protocol/codec/made-pages.ts";

const longPage = async () => {
  const page = madePage(seeded(), 700);
  const body = await whole(await spliceMixedAlone(page));
  if (body === undefined || page.length < 4 * AT_ONCE_BYTES) throw new Error("it is not one");
  const form: AnswerForm = {
    kind: "delta",
    codec: spliceCodec.id,
    offers: 0,
    digest: { of: "result", digest: fingerprintOf(page).slice(0, 16) },
  };
  return { page, begin: () => decoding(form, { offered: [page] }, { body, ended: true }) };
};

it("is not read to its end, fails as it was given up, and none of its bases is taken for damaged", async () => {
  const { page, begin } = await longPage();
  const [left, waits, stays] = [begin(), begin(), begin()];
  await new Promise(setImmediate);
  for (const flow of [left, waits]) flow.exchange.cancel("cancelled");
  await Promise.all([left.done, waits.done]);
  for (const { out } of [left, waits])
    expect(out).toMatchObject({ failed: "cancelled", mismatched: [], remembered: [], pieces: [] });
  expect(LONG_PAGES.waiting).toBe(1);
  await stays.done;
  expect(stays.out.body.equals(page)).toBe(true);
  expect(LONG_PAGES.isBusy).toBe(false);
});
