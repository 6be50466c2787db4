/** docs/status.schema.json, made of the schema that `status` is checked against. `npm run docs` writes it; test/docs.test.ts compares. */
import { z } from "zod";
import { statusSchema } from "../protocol/admin/status.ts";

export const statusSchemaText = (): string =>
  `${JSON.stringify(z.toJSONSchema(statusSchema), undefined, 2)}\n`;
