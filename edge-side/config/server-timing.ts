/** The setting `serverTiming`: whether visitors are told where the time went. */
import { z } from "zod";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { block } from "../../protocol/config/schema.ts";
import { tokenFile, tokenText } from "../../protocol/config/token.ts";

export interface ServerTimingSettings {
  /** Who shows it is told how the answer travelled too; undefined: nobody is. */
  readonly token: string | undefined;
}

/** Undefined: nobody is told anything. */
export const serverTiming = (near: Surroundings) =>
  z
    .preprocess(
      (value: unknown) => (value === true ? {} : value === false ? undefined : value),
      block(
        {
          tokenFile: tokenFile(near)
            .optional()
            .describe(
              "A file with what a request shows as `Coilgun-Timing` to be told how its answer travelled, and its sizes.",
            ),
        },
        {},
        "true, false, or a block with tokenFile",
      )
        .transform(
          (settings): ServerTimingSettings => ({
            token: settings.tokenFile && tokenText(settings.tokenFile),
          }),
        )
        .optional(),
    )
    .describe("`true`, or a block: responses say in `Server-Timing` where the time went; off without it.");
