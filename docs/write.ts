/** `npm run docs`: writes the pages that are made of the code. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configurationPage } from "./configuration.ts";

writeFileSync(join(import.meta.dirname, "configuration.md"), configurationPage());
