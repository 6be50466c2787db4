/** Configs of daemons as a file would give them, for daemons that run inside the test. */
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { type EdgeConfig, edgeSettings } from "../../edge-side/config/edge-config.ts";
import { type OriginConfig, originSettings } from "../../origin-side/config/origin-config.ts";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { FIXTURE_SECRET } from "./config-fixtures.ts";

type Settings = Readonly<Record<string, unknown>>;

/** Files that settings name are named by their full path; those of the config that is read are there without being. */
let made: Readonly<Record<string, string>> = {};
const near: Surroundings = {
  pathOf: (name) => name,
  everyAddress: "0.0.0.0",
  read: (path) => Buffer.from(made[path] ?? readFileSync(path)),
};
/** Made once: a schema's first use takes more time than most tests of a pair. */
const [EDGE, ORIGIN] = [edgeSettings(near), originSettings(near)];
const parse = <T>(schema: z.ZodType<T>, files: Readonly<Record<string, string>>, settings: Settings): T => {
  made = files;
  return schema.parse(settings);
};

const ANY_PORT = "127.0.0.1:0";

/** An edge on free loopback ports that serves www.example.com with the key `k`; `settings` as in edge.yaml. */
export const edgeConfigOf = (
  settings: Settings = {},
  files: Readonly<Record<string, string>> = {},
): EdgeConfig =>
  parse(EDGE, files, {
    visitors: ANY_PORT,
    tunnel: ANY_PORT,
    keys: [{ id: "k", secret: FIXTURE_SECRET, hosts: ["www.example.com"] }],
    ...settings,
  });

/** An origin side that dials `tunnel` and asks the web server on `web`, both loopback ports. */
export const originConfigOf = (
  { tunnel, web }: { readonly tunnel: number; readonly web: number },
  settings: Settings = {},
  files: Readonly<Record<string, string>> = {},
): OriginConfig =>
  parse(ORIGIN, files, {
    edges: [{ address: `127.0.0.1:${tunnel}`, key: { id: "k", secret: FIXTURE_SECRET }, connections: 1 }],
    routes: [{ host: "www.example.com", origin: `http://127.0.0.1:${web}` }],
    redial: { first: "10ms", max: "50ms" },
    ...settings,
  });
