// Settings of earlier versions: whoever still writes one is told since when it is gone, and what to do.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { edgeSettings } from "../../../edge-side/config/edge-config.ts";
import { originSettings } from "../../../origin-side/config/origin-config.ts";
import { ConfigError, parseConfig } from "../../../protocol/config/parse-config.ts";
import type { RemovedSettings } from "../../../protocol/config/removed-settings.ts";
import { block } from "../../../protocol/config/schema.ts";
import { FIXTURE_SECRET, MADE_UP } from "../../kit/config-fixtures.ts";

const problemsOf = (schema: z.ZodType, text: string, removed?: RemovedSettings): readonly string[] => {
  try {
    parseConfig({ file: "c.yaml", text, schema, ...(removed && { removed }) });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
};

describe("a setting that was removed", () => {
  const seat = block({ row: z.string().prefault("a") });
  const schema = block({ seats: z.array(seat).prefault([]), room: block({}).prefault({}) });
  const removed = {
    colour: { since: "2.0.0", instead: "remove the line" },
    "seats.number": { since: "3.1.0", instead: "write row instead" },
    "room.seats.number": { since: "9.9.9", instead: "never said here" },
  };

  it("is told at its own place, with the version and what to do instead", () => {
    expect(problemsOf(schema, "colour: red", removed)).toEqual([
      "1:1 colour is gone since 2.0.0; remove the line",
    ]);
  });

  it("is known inside lists, whichever element it stands in", () => {
    expect(problemsOf(schema, "seats:\n  - row: b\n  - number: 1\n", removed)).toEqual([
      "3:5 seats[1].number is gone since 3.1.0; write row instead",
    ]);
  });

  it("is known by its whole name: elsewhere the same word is just no setting", () => {
    expect(problemsOf(schema, "room: { number: 1, colour: red }", removed)).toEqual([
      expect.stringMatching(/^1:9 room\.number is not a setting/),
      expect.stringMatching(/^1:20 room\.colour is not a setting/),
    ]);
  });

  it("is no name that objects are born with", () => {
    expect(problemsOf(schema, "constructor: 1", removed)).toEqual([
      expect.stringMatching(/^1:1 constructor is not a setting/),
    ]);
  });
});

describe("of Coilgun's own", () => {
  const INSTEAD =
    "remove the line; request bodies are compressed each on its own (compressRequests, on by default)";

  it("requestBases and store.requests are gone since 0.2.0, at the edge", () => {
    const text = [
      "keys:",
      "  - id: k",
      `    secret: ${FIXTURE_SECRET}`,
      "    hosts: [a.example, { host: b.example, requestBases: session }]",
      "store: { requests: 16 MiB }",
    ].join("\n");
    expect(problemsOf(edgeSettings(MADE_UP), text)).toEqual([
      `4:43 keys[0].hosts[1].requestBases is gone since 0.2.0; ${INSTEAD}`,
      `5:10 store.requests is gone since 0.2.0; ${INSTEAD}`,
    ]);
  });

  it("store.requests is gone since 0.2.0, at the origin side", () => {
    const text = [
      `edges: [{ url: wss://edge.example:7443, key: { id: k, secret: ${FIXTURE_SECRET} } }]`,
      "routes: [{ host: a.example, origin: http://127.0.0.1:8000 }]",
      "store: { requests: off }",
    ].join("\n");
    expect(problemsOf(originSettings(MADE_UP), text)).toContainEqual(
      `3:10 store.requests is gone since 0.2.0; ${INSTEAD}`,
    );
  });

  it.each([
    ["edge", edgeSettings(MADE_UP)],
    ["origin side", originSettings(MADE_UP)],
  ] as const)("workers are gone since 0.2.0, at the %s", (_, schema) => {
    expect(problemsOf(schema, "workers: auto")).toContainEqual(
      "1:1 workers is gone since 0.2.0; remove the line; for several cores run several instances, edges with reusePort (docs/operations.md, Several cores)",
    );
  });

  it("the codec brotli is gone since 0.2.0; any other that is unknown never was one", () => {
    expect(problemsOf(originSettings(MADE_UP), "codecs: [zstd, brotli, lzma]")).toEqual(
      expect.arrayContaining([
        "1:16 codecs[1] is gone since 0.2.0; take brotli out of the list; whole pages are compressed by zstd",
        expect.stringMatching(/^1:24 codecs\[2\] must be one of: splice, zstd, vcdiff/),
      ]),
    );
  });
});
