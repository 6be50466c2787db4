/** `npm run docs`: writes the pages that are made of the code. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configurationPage } from "./configuration.ts";
import { eventsPage } from "./events.ts";
import { statusSchemaText } from "./status-schema.ts";

writeFileSync(join(import.meta.dirname, "configuration.md"), configurationPage());
writeFileSync(join(import.meta.dirname, "events.md"), eventsPage());
writeFileSync(join(import.meta.dirname, "status.schema.json"), statusSchemaText());
