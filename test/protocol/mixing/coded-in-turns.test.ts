// A page that leaves while it is coded.
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { spliceCodec, spliceMixedAlone, spliceMixedInTurns } from "../../../protocol/codec/splice.ts";
import {
  CodedPieces,
  codedInTurns,
  LEAST_PIECE_BYTES,
  LONG_CODING,
  whole,
} from "../../../protocol/mixing/coded-in-turns.ts";
import { MIXED_ADDED_BYTES, MIXED_STEPS } from "../../../protocol/mixing/mixed-page.ts";
import { Mixer } from "../../../protocol/mixing/mixer.ts";
import { seeded } from "../../kit/random.ts";
import { madePage } from "../codec/made-pages.ts";

const LIMITS = { pageBytes: 1 << 20 };

const codedPieces = async (page: Buffer): Promise<CodedPieces> => {
  const pieces = await spliceMixedAlone(page);
  if (!(pieces instanceof CodedPieces)) throw new Error("it does not leave in pieces");
  return pieces;
};

describe("a page with much of its own", () => {
  it("leaves piece by piece, none of them small but the last, and all of them make it", async () => {
    const page = madePage(seeded(), 1_200);
    const coded = await codedPieces(page);
    const pieces: Buffer[] = [];
    let before = 0;
    for (let piece = await coded.next(); piece !== undefined; piece = await coded.next()) {
      if (LONG_CODING.isBusy) before++;
      pieces.push(piece);
    }
    await coded.isCoded;
    const lengths = pieces.slice(0, -1).map(({ length }) => length);
    expect(before).toBeGreaterThan(5);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(LEAST_PIECE_BYTES);
    expect(Math.max(...lengths)).toBeLessThan(LEAST_PIECE_BYTES + 8192);
    expect((await spliceCodec.decode([], Buffer.concat(pieces), LIMITS)).equals(page)).toBe(true);
  });

  it("comes as a whole where it may not leave, of the same bytes", async () => {
    const random = seeded();
    const [base, page] = [madePage(random, 300), madePage(random, 300)];
    const bounds = { steps: MIXED_STEPS, addedBytes: MIXED_ADDED_BYTES };
    const all = await spliceMixedInTurns([base], page, bounds, () => "whole");
    const pieces = await spliceMixedInTurns([base], page, bounds, () => "pieces");
    expect([all?.coded, pieces?.coded].map((coded) => coded instanceof CodedPieces)).toEqual([false, true]);
    expect((await whole(pieces?.coded))?.equals(all?.coded as Buffer)).toBe(true);
  });

  it("whose first slice is hardly text comes as a whole, to be compared", async () => {
    const random = seeded();
    const text = madePage(random, 300);
    expect(await spliceMixedAlone(Buffer.concat([random.bytes(8192), text]))).toBeInstanceOf(Buffer);
    await (await codedPieces(Buffer.concat([text, random.bytes(8192)]))).all();
  });

  it("is coded on while nobody takes its pieces, and other pages are otherwise meanwhile", async () => {
    const page = madePage(seeded(), 400);
    const coded = await codedPieces(page);
    expect(await spliceMixedAlone(page)).toBeUndefined();
    await coded.isCoded;
    expect(LONG_CODING.isBusy).toBe(false);
    const other = await codedPieces(page);
    expect((await coded.all()).equals(await other.all())).toBe(true);
  });

  it("that nobody takes any more is coded no further, and another one may be", async () => {
    const page = madePage(seeded(), 400);
    const coded = await codedPieces(page);
    const given = coded.giveUp();
    await turn();
    await turn();
    expect(LONG_CODING.isBusy).toBe(false);
    await given;
    await expect(coded.isCoded).rejects.toThrow();
    await (await codedPieces(page)).all();
  });
});

/** As much as leaves, and not too much for a first slice. */
const piece = (mixer: Mixer): void => {
  for (let number = 0; number < 2_000; number++) mixer.number(1, (number * 7_919) % (1 << 24));
};

const writing = (steps: (mixer: Mixer) => Generator<"turn", Buffer | undefined>) =>
  codedInTurns(steps, () => true);

describe("what leaves of so many bytes that are written", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** As if so many were written after each slice; how many leave at once. */
  const leavesOf = async (...written: readonly number[]): Promise<number> => {
    const after = vi.spyOn(Mixer.prototype, "writtenAfter");
    for (const bytes of written) after.mockReturnValueOnce(Buffer.alloc(bytes, 1));
    const coded = await writing(function* () {
      for (const _ of written) yield "turn";
      return Buffer.alloc(20_000, 1);
    });
    if (!(coded instanceof CodedPieces)) return 0;
    const first = await coded.next();
    await coded.isCoded;
    return first?.length ?? 0;
  };

  it("is nothing less than 4 KiB, and waits for what comes behind it", async () => {
    expect(await leavesOf(4_096)).toBe(4_096);
    expect(await leavesOf(4_095)).toBe(0);
    expect(await leavesOf(4_095, 4_096)).toBe(4_096);
  });

  it("is nothing of a page whose first slice takes more than 6 KiB, whatever the next ones do", async () => {
    expect(await leavesOf(6_144)).toBe(6_144);
    expect(await leavesOf(6_145, 6_000)).toBe(0);
    expect(await leavesOf(100, 6_145)).toBe(6_145);
  });
});

it("a piece of one byte is one, and one of none is no end", async () => {
  const pieces = new CodedPieces().behind(Buffer.of(9));
  for (const piece of [[], [1], [], [2]]) pieces.leave(Buffer.from(piece));
  pieces.finish(Buffer.of(1, 2, 3));
  expect(await pieces.all()).toEqual(Buffer.of(9, 1, 2, 3));
  expect(pieces.bytes).toBe(3);
});

it("zeros that may be left off at the end wait for what comes behind them", async () => {
  // A bit that is a 1 as it always was leaves the coder at the lower end, which is zeros.
  const likely = (mixer: Mixer, times: number) => {
    for (let time = 0; time < times; time++) mixer.bit(5, 0, 1);
  };
  const all = await whole(
    await writing(function* (mixer) {
      mixer.beginWriting();
      likely(mixer, 40_000);
      yield "turn";
      likely(mixer, 40_000);
      return mixer.finish();
    }),
  );
  const pieces = await writing(function* (mixer) {
    mixer.beginWriting();
    piece(mixer);
    yield "turn";
    for (let round = 0; round < 9; round++) {
      likely(mixer, 9_000);
      yield "turn";
    }
    return mixer.finish();
  });
  const inPieces = await whole(pieces);
  const atOnce = await whole(
    await codedInTurns(
      function* (mixer) {
        mixer.beginWriting();
        piece(mixer);
        yield "turn";
        likely(mixer, 81_000);
        return mixer.finish();
      },
      () => false,
    ),
  );
  expect(all?.length).toBe(0);
  expect(pieces).toBeInstanceOf(CodedPieces);
  expect(inPieces?.equals(atOnce as Buffer)).toBe(true);
  expect(atOnce?.at(-1)).not.toBe(0);
});

it("a page that is larger, coded, than anybody reads ends with an error, and as nothing before a piece has left", async () => {
  const endless = function* (mixer: Mixer): Generator<"turn", Buffer | undefined> {
    mixer.beginWriting();
    mixer.number(1, 1 << 20);
    mixer.number(1, 1 << 20);
    yield "turn";
    for (let round = 0; round < 40; round++) {
      for (let number = 0; number < 9_000; number++) mixer.number(1, (number * 7_919) % (1 << 24));
      yield "turn";
    }
    return mixer.finish();
  };
  expect(await codedInTurns(endless, () => false)).toBeUndefined();
  const pieces = await writing(endless);
  await expect(whole(pieces)).rejects.toThrow("larger");
  expect(LONG_CODING.isBusy).toBe(false);
});

it("what fails while it is coded fails for who takes it, before a piece or behind some", async () => {
  const failing = function* (mixer: Mixer): Generator<"turn", Buffer | undefined> {
    mixer.beginWriting();
    piece(mixer);
    yield "turn";
    throw new Error("broken");
  };
  await expect(codedInTurns(failing, () => false)).rejects.toThrow("broken");
  const pieces = (await writing(failing)) as CodedPieces;
  expect(await pieces.next()).toBeDefined();
  await expect(pieces.next()).rejects.toThrow("broken");
});
