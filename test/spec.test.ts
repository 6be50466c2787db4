/**
 * The spec holds: its worked bytes decode to their JSON and its JSON encodes to the bytes, every frame kind and every code is
 * in it, and every section that a code comment names exists.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LINK_ERRORS, STREAM_ERRORS } from "../protocol/errors.ts";
import { formulaNamed } from "../protocol/frames/etag-formulas.ts";
import { type AnswerForm, FRAME, type Frame } from "../protocol/frames/frame.ts";
import { encodeFrame, readFrame } from "../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder, FrameHeaderEncoder } from "../protocol/frames/frame-headers.ts";
import { CarriedVersions, ReferableVersions } from "../protocol/frames/offer-references.ts";
import { ByteReader } from "../protocol/wire/bytes.ts";

const ROOT = join(import.meta.dirname, "..");
const SPEC = readFileSync(join(ROOT, "protocol/SPEC.md"), "utf8");
const TABLE_BYTES = 65_536;

interface Worked {
  readonly bytes: Buffer;
  readonly json: unknown;
  /** What crossed the other way before this frame. */
  readonly meanwhile: readonly unknown[];
}

/** The frames of one block: hex lines up to a line that begins with `=`. A line of `@` is what came meanwhile. */
const framesIn = (block: string): Worked[] => {
  const frames: Worked[] = [];
  let hex = "";
  let meanwhile: unknown[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("@")) {
      meanwhile.push(JSON.parse(line.slice(1)));
      continue;
    }
    if (!line.startsWith("=")) {
      hex += line.replace(/#.*/, "").replace(/\s/g, "");
      continue;
    }
    expect(hex, line).toMatch(/^([0-9a-f]{2})+$/);
    frames.push({ bytes: Buffer.from(hex, "hex"), json: JSON.parse(line.slice(1)), meanwhile });
    hex = "";
    meanwhile = [];
  }
  expect(hex, "bytes without JSON").toBe("");
  return frames;
};

const BLOCKS = [...SPEC.matchAll(/^```wire\n(.*?)^```$/gms)].map(([, block = ""]) => framesIn(block));

/** Names of fields whose strings hold bytes. */
const BINARY = new Set(["instanceId", "storeId", "nonce", "result", "digest", "digest"]);
const hexOf = (text: string) => `hex:${Buffer.from(text, "latin1").toString("hex")}`;
const readable = /^[\x20-\x7e]*$/;

/** A frame in the notation of the section. */
const written = (value: unknown, name = ""): unknown => {
  if (Buffer.isBuffer(value)) {
    const text = value.toString("latin1");
    return readable.test(text) && name !== "digest" ? `text:${text}` : `bytes:${value.toString("hex")}`;
  }
  if (typeof value === "string") return BINARY.has(name) ? hexOf(value) : value;
  if (Array.isArray(value))
    return value.map((each) => (name === "offers" || name === "bases" ? hexOf(String(each)) : written(each)));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([key, field]) => [key, written(field, key)]));
};

/** The frame that the notation stands for. */
const understood = (value: unknown): unknown => {
  if (typeof value === "string") {
    const [, form, rest = ""] = /^(hex|bytes|text):(.*)$/s.exec(value) ?? [];
    if (form === "hex") return Buffer.from(rest, "hex").toString("latin1");
    if (form === "bytes") return Buffer.from(rest, "hex");
    return form === "text" ? Buffer.from(rest, "latin1") : value;
  }
  if (Array.isArray(value)) return value.map(understood);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, understood(field)]));
};

const carry = (carried: CarriedVersions, { meanwhile }: Worked) => {
  for (const answer of meanwhile.map(understood))
    carried.answered(...(Object.values(answer as object) as [number, AnswerForm]));
};

const titleOf = ({ json }: Worked) => (json as { kind: string }).kind;

describe("worked bytes of SPEC.md", () => {
  it("are more than twenty, and every frame kind is among them", () => {
    const frames = BLOCKS.flat();
    expect(frames.length).toBeGreaterThan(20);
    expect(new Set(frames.map(titleOf))).toEqual(new Set(Object.keys(FRAME)));
  });

  it.each(BLOCKS.map((block, index) => [index, block.map(titleOf).join(", "), block] as const))(
    "block %i decodes to its JSON: %s",
    (_, __, block) => {
      const carried = new CarriedVersions();
      const headers = new FrameHeaderDecoder(
        { tableBytes: TABLE_BYTES, headBytes: 65_536 },
        carried,
        undefined,
        true,
      );
      for (const worked of block) {
        carry(carried, worked);
        const { bytes, json } = worked;
        const reader = new ByteReader(bytes);
        expect(written(readFrame(reader, headers))).toEqual(json);
        expect(reader.left, "bytes after the frame").toBe(0);
      }
    },
  );

  it.each(BLOCKS.map((block, index) => [index, block.map(titleOf).join(", "), block] as const))(
    "block %i is what its JSON encodes to: %s",
    (_, __, block) => {
      const carried = new ReferableVersions();
      const headers = new FrameHeaderEncoder(TABLE_BYTES, carried);
      for (const worked of block) {
        carry(carried, worked);
        const frame = understood(worked.json) as Frame;
        expect(encodeFrame(frame, headers).toString("hex")).toBe(worked.bytes.toString("hex"));
      }
    },
  );
});

describe("tables of SPEC.md", () => {
  const hex = (kind: number) => `0x${kind.toString(16).padStart(2, "0")}`;
  const onWire = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

  it.each(Object.entries(FRAME))("name frame %s with its number", (name, kind) => {
    expect(SPEC).toMatch(new RegExp(`\\| ${hex(kind)} \\| ${onWire(name)} \\|`));
  });

  it("name the formulas of entity tags that there are, and no others", () => {
    const rows = [...SPEC.matchAll(/^\| (0x1.), (0x1.) \|/gm)].flatMap(([, strong, weak]) => [strong, weak]);
    const codes = Array.from({ length: 256 }, (_, code) => code);
    expect(rows).toEqual(codes.filter((code) => formulaNamed(String.fromCharCode(code))).map(hex));
  });

  it.each(Object.entries(LINK_ERRORS))("name link error %s with its number", (code, { wire }) => {
    expect(SPEC).toMatch(new RegExp(`^\\| ${wire} \\| ${code} \\|`, "m"));
  });

  it.each(Object.entries(STREAM_ERRORS))("name reset code %s with its number and status", (code, row) => {
    expect(SPEC).toMatch(new RegExp(`^\\| ${row.wire} \\| ${code} \\| ${row.visitor} \\|`, "m"));
  });
});

describe("sections that code comments name", () => {
  const headings = new Set([...SPEC.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title));
  const sources = ["protocol", "edge-side", "origin-side"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name)),
  );
  const named = sources.flatMap((file) => {
    // A name may be broken over two lines of a comment.
    const text = readFileSync(join(ROOT, file), "utf8").replace(/\n\s*(\*|\/\/) ?/g, " ");
    return [...text.matchAll(/SPEC\s+sections?\s+("[^"]+"(?:(?:,| and)\s+"[^"]+")*)/g)].flatMap(
      ([, names = ""]) => [...names.matchAll(/"([^"]+)"/g)].map(([, section]) => ({ file, section })),
    );
  });

  it("are many", () => expect(named.length).toBeGreaterThan(30));

  it("all exist", () => {
    expect(named.filter(({ section }) => !headings.has(section))).toEqual([]);
  });
});
