/**
 * The numbers of SPEC: other tests have them from the code, and would follow it anywhere. A release that changed one which both ends of a link must
 * share would misread what the one before sends, or send what that one refuses. Each stands in SPEC in the words below.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MISTRUST_MS, MOST_MISMATCHES } from "../origin-side/answer/coding/codec-trust.ts";
import { MOST_GROWTH } from "../origin-side/answer/decompress.ts";
import { MOST_WAIT_MS } from "../origin-side/exchange/later-offers.ts";
import { MOST_PUSHED_BYTES, MOST_PUSHES_PER_MINUTE } from "../origin-side/links/accept-push.ts";
import { GOOD_LINK_MS, JOINED_AFTER_MS, SOON_MS } from "../origin-side/links/dial-edge.ts";
import { MOST_REQUEST_DECODERS } from "../origin-side/request/decode-body.ts";
import { MOST_FOLDED_BYTES, MOST_SECRETS, MOST_TOKENS } from "../protocol/codec/folded.ts";
import { LEAST_RUN, MOST_RUN } from "../protocol/codec/masked-tokens.ts";
import { SEGMENT_BYTES } from "../protocol/codec/segment-writer.ts";
import { SPLICE_PAGE_BYTES } from "../protocol/codec/splice.ts";
import { MOST_CUT_BYTES, MOST_STEPS } from "../protocol/codec/splice-steps.ts";
import { MOST_ADDED_BYTES } from "../protocol/codec/splice-stream.ts";
import { VCDIFF_BASES_BYTES, VCDIFF_PAGE_BYTES } from "../protocol/codec/vcdiff.ts";
import { MOST_MESSAGE_BYTES } from "../protocol/frames/control-frames.ts";
import { MOST_OFFERS } from "../protocol/frames/frame.ts";
import {
  LEAST_GIVEN_CHARS,
  MOST_GIVEN_CHARS,
  REACH_STREAMS as REACH_OF_COOKIES,
} from "../protocol/frames/given-cookies.ts";
import type { Hello } from "../protocol/frames/hello.ts";
import { REACH_STREAMS as REACH_OF_OFFERS, REACH_PUSHES } from "../protocol/frames/offer-references.ts";
import { MOST_STREAMED_REQUESTS } from "../protocol/frames/request-coding.ts";
import { MOST_ATTRIBUTES, MOST_COST_APART, MOST_CRUMBS } from "../protocol/headers/field-parts.ts";
import { MOST_FRESH, MOST_FRESH_CHARACTERS, MOST_MARKS } from "../protocol/headers/fresh-parts.ts";
import { LONGEST_ENTERED_VALUE, LookupTable } from "../protocol/headers/header-table.ts";
import {
  isIndexed,
  ruleOf,
  SHORTEST_INDEXED_CREDENTIAL,
  SHORTEST_INDEXED_TOKEN,
} from "../protocol/headers/indexing-rules.ts";
import { MOST_CHARACTERS, MOST_PIECES } from "../protocol/headers/packed-text.ts";
import { MOST_SIZE_DIGITS, MOST_TAG_CHARACTERS } from "../protocol/headers/packed-value.ts";
import { LIGHT_BYTES } from "../protocol/link/fair-queue.ts";
import { mostMessageBytes } from "../protocol/link/link-context.ts";
import { MOST_WINDOW_BYTES } from "../protocol/link/receive-window.ts";
import { LEAST_BOUND } from "../protocol/link/rendezvous.ts";
import { LATER_BYTES, LATER_MS, MOST_WAITING_CONTROL } from "../protocol/link/scheduler.ts";
import { AT_ONCE_BYTES } from "../protocol/mixing/long-pages.ts";
import { MIXED_ADDED_BYTES, MIXED_STEPS, MIXED_TEXT_BYTES } from "../protocol/mixing/mixed-page.ts";

const SPEC = readFileSync(join(import.meta.dirname, "..", "protocol/SPEC.md"), "utf8").replace(/\s+/g, " ");
const KIB = 1024;
const MIB = 1024 * KIB;

it.each([
  ["in a place for its stream number modulo 1024", REACH_OF_COOKIES, 1024],
  ["its pairs (Set-Cookie up to the first semicolon) of 32 characters or more", LEAST_GIVEN_CHARS, 32],
  ["as long as all have 1024 characters together", MOST_GIVEN_CHARS, 1024],
  ["Such a reference reaches back less than 2048 streams", REACH_OF_OFFERS, 2048],
  ["names what one of its last 128 pushed", REACH_PUSHES, 128],
  ["A request carries at most 8 offers", MOST_OFFERS, 8],
  ["the message is for a log, cut at 200 bytes", MOST_MESSAGE_BYTES, 200],
  ["A Cookie value of at most 64 pairs is split", MOST_CRUMBS, 64],
  ["An encoder leaves whole what has more than 12 attributes", MOST_ATTRIBUTES, 12],
  ["An encoder takes apart only heads of a cost of at most 7168", MOST_COST_APART, 7168],
  ["byte 0x01 for the first, 0x02 for the second, up to 8", MOST_FRESH, 8],
  ["is one part with up to 16 marks", MOST_MARKS, 16],
  ["A part of more than 128 characters", MOST_FRESH_CHARACTERS, 128],
  ["`set-cookie` values of fewer than 16 bytes, which could be guessed", SHORTEST_INDEXED_CREDENTIAL, 16],
  ["values above 8192 bytes or an eighth of the table's bound", LONGEST_ENTERED_VALUE, 8192],
  ["and a token (RFC 6750) of 32 characters or more", SHORTEST_INDEXED_TOKEN, 32],
  ["At most 255 characters, of 4 or 6 bits", MOST_TAG_CHARACTERS, 255],
  ["else a number of at most 12 digits and `-`", MOST_SIZE_DIGITS, 12],
  ["the number of pieces, at most 8, that `--` stands between", MOST_PIECES, 8],
  ["16 times the characters (at most 2048)", MOST_CHARACTERS, 2048],
  ["a run of at least 48 and at most 192 bytes", LEAST_RUN, 48],
  ["a run of at least 48 and at most 192 bytes", MOST_RUN, 192],
  ["The first 128 secrets of the best base, of texts up to 512 KiB", MOST_SECRETS, 128],
  ["The first 128 secrets of the best base, of texts up to 512 KiB", MOST_FOLDED_BYTES, 512 * KIB],
  ["varint number of folded tokens of the page, at most 16384", MOST_TOKENS, 16_384],
  ["**vcdiff**: bases together 2 MiB, page 1 MiB at most", VCDIFF_BASES_BYTES, 2 * MIB],
  ["**vcdiff**: bases together 2 MiB, page 1 MiB at most", VCDIFF_PAGE_BYTES, MIB],
  ["varint number of steps, at most 4096", MOST_STEPS, 4096],
  ["Page 1 MiB at most. Encoders use it", SPLICE_PAGE_BYTES, MIB],
  ["bases together 4 MiB at most, and as much of what is added", MOST_CUT_BYTES, 4 * MIB],
  ["What a segment adds is 256 KiB at most", MOST_ADDED_BYTES, 256 * KIB],
  ["Bases and page together are 2 MiB at most", MIXED_TEXT_BYTES, 2 * MIB],
  ["or what is [mixed](#mixed) and adds more than 16 KiB, it passes", AT_ONCE_BYTES, 16 * KIB],
  ["steps 2048, bytes added 256 KiB", MIXED_STEPS, 2048],
  ["steps 2048, bytes added 256 KiB", MIXED_ADDED_BYTES, 256 * KIB],
  [
    "it is 16 KiB, plus the receiver's `headBytes`, plus 4 KiB",
    mostMessageBytes({ headBytes: 7 } as Hello),
    20 * KIB + 7,
  ],
  ["for a bounded time (2 s here, so that a", LATER_MS, 2_000],
  ["a bounded number of verified bytes (1 MiB here)", LATER_BYTES, MIB],
  ["More than 10,000 control frames waiting", MOST_WAITING_CONTROL, 10_000],
  ["An origin side with 16 streams or more", LEAST_BOUND, 16],
  ["it doubles, up to 4 MiB", MOST_WINDOW_BYTES, 4 * MIB],
  ["the *light* ones, which have sent less than 128 KiB", LIGHT_BYTES, 128 * KIB],
  ["every 128 KiB of plain bytes at least; each flush ends a segment", SEGMENT_BYTES, 128 * KIB],
  ["The origin side checks the size (1 MiB at most)", MOST_PUSHED_BYTES, MIB],
  ["and how many came in a minute (240)", MOST_PUSHES_PER_MINUTE, 240],
  ["An edge has at most 16 such requests open on a link", MOST_STREAMED_REQUESTS, 16],
  ["an origin side takes 32, and resets further ones", MOST_REQUEST_DECODERS, 32],
  ["for a bounded time (200 ms here)", MOST_WAIT_MS, 200],
  ["of an edge that had a link for two seconds", GOOD_LINK_MS, 2_000],
  ["however short those were, up to 750 ms", SOON_MS, 750],
  ["not got through in 750 ms is joined by another one", JOINED_AFTER_MS, 750],
  ["of which 8 were answered by ask-whole", MOST_MISMATCHES, 8],
  ["within 10 minutes, for 10 minutes", MISTRUST_MS, 600_000],
  ["grows by more than 1000 times", MOST_GROWTH, 1_000],
])("%s", (words, ofCode, number) => {
  expect(ofCode).toBe(number);
  expect(SPEC).toContain(words);
});

it("a value enters a table up to an eighth of its bound", () => {
  const table = new LookupTable(800);
  expect(["v".repeat(100), "v".repeat(101)].map((value) => table.takes(value))).toEqual([true, false]);
});

const CHANGING =
  /and values that change with every message \(([^)]*)\)/.exec(SPEC)?.[1]?.match(/(?<=`)[\w-]+(?=`)/g) ?? [];

it("names 27 fields whose values change with every message", () => {
  expect(CHANGING).toHaveLength(27);
});

it.each(["authorization", "proxy-authorization", ...CHANGING])(
  "%s never enters a table with its value",
  (name) => {
    for (const value of ["1234567", "Mon, 02 Mar 2026 10:00:00 GMT"])
      expect([name, name.toUpperCase()].map((each) => isIndexed(ruleOf(each, value)))).toEqual([
        false,
        false,
      ]);
  },
);
