import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { LEISURE_LOAD } from "../../../origin-side/answer/coding/effort.ts";
import {
  MOST_HASHED_BYTES,
  MOST_MISFITS,
  MOST_PASSED,
  OmittedEtags,
} from "../../../origin-side/answer/omit-etag.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";

const md5 = (body: Buffer) => `"${createHash("md5").update(body).digest("hex")}"`;
const rack = (body: Buffer) => `W/"${createHash("sha256").update(body).digest("hex").slice(0, 32)}"`;
const LOOK_ALIKE = '"00000000000000000000000000000000"';
const PAGE = Buffer.from("<p>a page</p>".repeat(10));
const IDLE = () => 0;

const left = (
  tags: OmittedEtags,
  tag: string,
  { body = PAGE, host = "a.example", fields = ["ETag", tag] as HeaderList } = {},
) => {
  const head = { status: 200, reason: "OK", fields };
  const page = { body, fingerprint: fingerprintOf(body) };
  return tags.leaveOut(head, page, partitionOf({ keyId: "k", host }));
};
const isOmitted = (...options: Parameters<typeof left>) => left(...options).tag !== undefined;

describe("a tag that is a hash of the page", () => {
  it("gives way to the name of its formula, and all else stays as and where it is", () => {
    const tag = md5(PAGE);
    const fields = ["Date", "now", "eTAG", tag, "X", "1", "x", "2"];
    expect(left(new OmittedEtags(IDLE), tag, { fields })).toEqual({
      head: { status: 200, reason: "OK", fields: ["Date", "now", "eTAG", "\x12", "X", "1", "x", "2"] },
      tag,
    });
    expect(fields[3]).toBe(tag);
  });

  it.each<[string, HeaderList]>([
    ["twice", ["ETag", md5(PAGE), "ETag", md5(PAGE)]],
    ["beside another", ["ETag", '"x"', "etag", md5(PAGE)]],
    ["in a field of another name", ["X-ETag", md5(PAGE)]],
    ["not at all", ["X", "y"]],
    ["of another page", ["ETag", md5(Buffer.from("another"))]],
    ["in another form", ["ETag", md5(PAGE).toUpperCase()]],
  ])("stays where it stands %s", (_, fields) => {
    const head = left(new OmittedEtags(IDLE), "", { fields });
    expect(head).toEqual({ head: { status: 200, reason: "OK", fields }, tag: undefined });
  });

  it("of a page too large to be hashed stays, unless the fingerprint has it", () => {
    const [most, more] = [Buffer.alloc(MOST_HASHED_BYTES, 1), Buffer.alloc(MOST_HASHED_BYTES + 1, 1)];
    const tags = new OmittedEtags(IDLE);
    expect(isOmitted(tags, md5(most), { body: most })).toBe(true);
    expect(isOmitted(tags, md5(more), { body: more })).toBe(false);
    expect(isOmitted(tags, rack(more), { body: more })).toBe(true);
  });

  it("stays where the process is busy, unless the fingerprint has it", () => {
    let load = LEISURE_LOAD;
    const tags = new OmittedEtags(() => load);
    expect(isOmitted(tags, md5(PAGE))).toBe(true);
    load = LEISURE_LOAD + 0.01;
    expect([isOmitted(tags, md5(PAGE)), isOmitted(tags, rack(PAGE))]).toEqual([false, true]);
  });
});

describe("a tag that only looks like one", () => {
  /** After how many look-alikes a tag that fits is left out again; it is not tried out of turn. */
  const passing = (tags: OmittedEtags): number => {
    for (let passed = 0; ; passed++) {
      if (isOmitted(tags, md5(PAGE))) return passed;
      if (passed > 2 * MOST_PASSED) throw new Error("never tried again");
    }
  };
  const missed = (times: number): OmittedEtags => {
    const tags = new OmittedEtags(IDLE);
    let answers = 0;
    // 2^n answers from one try to the next.
    for (let tries = 0; tries < times; tries++)
      for (const until = answers + 2 ** tries; answers < until; answers++) left(tags, LOOK_ALIKE);
    return tags;
  };

  it.each([
    [0, 0],
    [1, 1],
    [2, 3],
    [5, 31],
  ])("%i times in a row: %i answers go by without a hash", (times, answers) => {
    expect(passing(missed(times))).toBe(answers);
  });

  it("for ever costs a hash in 1024 answers", () => {
    const tags = new OmittedEtags(IDLE);
    for (let answer = 0; answer < 2 ** 14; answer++) left(tags, LOOK_ALIKE);
    let passed = passing(tags);
    expect(passed).toBeLessThanOrEqual(MOST_PASSED);
    // A tag that fits ends it.
    expect(passing(tags)).toBe(0);
    left(tags, LOOK_ALIKE);
    passed = passing(tags);
    expect(passed).toBe(1);
  });

  it("is held against its host and its look alone", () => {
    const tags = missed(5);
    expect(isOmitted(tags, md5(PAGE), { host: "b.example" })).toBe(true);
    expect(isOmitted(tags, `W/${md5(PAGE)}`)).toBe(true);
    expect(isOmitted(tags, md5(PAGE))).toBe(false);
  });

  it("is forgotten where too many hosts have one", () => {
    const tags = missed(5);
    for (let host = 1; host < MOST_MISFITS; host++) left(tags, LOOK_ALIKE, { host: `${host}.example` });
    expect(isOmitted(tags, md5(PAGE))).toBe(false);
    left(tags, LOOK_ALIKE, { host: "one.more.example" });
    expect(isOmitted(tags, md5(PAGE))).toBe(true);
  });
});
