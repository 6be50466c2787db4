/** The setting `accessLog`: where the lines about exchanges go, and how they are written. */
import { z } from "zod";
import type { Surroundings } from "./parse-config.ts";
import { block, shortFor, written } from "./schema.ts";
import { UnitError } from "./units.ts";

const FORMATS = ["json", "combined"] as const;

export type AccessLogTarget =
  | { readonly to: "off" }
  | { readonly to: "stdout" }
  | { readonly to: "file"; readonly path: string };

export interface AccessLogSettings {
  readonly target: AccessLogTarget;
  readonly format: (typeof FORMATS)[number];
  /** Whether lines say with what a visitor came: User-Agent, and in `combined` Referer too. */
  readonly userAgent: boolean;
}

export const accessLog = (near: Surroundings) =>
  z
    .preprocess(
      shortFor("file"),
      block({
        file: written((text): AccessLogTarget => {
          if (text === "off" || text === "stdout") return { to: text };
          // A bare word is more often a slip ("stdoutt") than a file beside the config.
          if (!text.includes("/"))
            throw new UnitError("must be off, stdout or a path with a slash, such as ./access.log");
          return { to: "file", path: near.pathOf(text) };
        }, "off, stdout or a path").describe(
          "Where one line an exchange goes: `off`, `stdout` or a path; may stand alone in place of the block.",
        ),
        format: z
          .enum(FORMATS)
          .prefault("json")
          .describe("`json`, or `combined`: the lines of Apache and nginx, for tools that read those."),
        userAgent: z
          .boolean()
          .prefault(false)
          .describe("Whether lines have the visitor's User-Agent, and in `combined` Referer."),
      }).transform(({ file, ...rest }): AccessLogSettings => ({ target: file, ...rest })),
    )
    .prefault("off")
    .describe("Where one line an exchange goes, and how.");
