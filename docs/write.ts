/** `npm run docs`: writes the pages that are made of the code. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { edgeSettings } from "../edge-side/config/edge-config.ts";
import { originSettings } from "../origin-side/config/origin-config.ts";
import { schemaText } from "../protocol/config/json-schema.ts";
import { configurationPage } from "./configuration.ts";
import { eventsPage } from "./events.ts";
import { statusSchemaText } from "./status-schema.ts";

writeFileSync(join(import.meta.dirname, "configuration.md"), configurationPage());
writeFileSync(join(import.meta.dirname, "events.md"), eventsPage());
writeFileSync(join(import.meta.dirname, "status.schema.json"), statusSchemaText());
writeFileSync(join(import.meta.dirname, "edge.schema.json"), schemaText(edgeSettings));
writeFileSync(join(import.meta.dirname, "origin.schema.json"), schemaText(originSettings));
