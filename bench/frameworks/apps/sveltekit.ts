/** SvelteKit on adapter-node: a page, and its data as the client's router asks for it. */
import type { Application } from "./application.ts";
import { onNode } from "./node-apps.ts";

export const sveltekit: Application = {
  name: "sveltekit",
  npm: {
    "@sveltejs/kit": "3.2.0",
    "@sveltejs/adapter-node": "6.0.1",
    "@sveltejs/vite-plugin-svelte": "7.3.1",
    svelte: "5.57.3",
    vite: "8.4.0",
  },
  files: {
    "package.json": '{"private":true,"type":"module"}',
    "vite.config.js": `
import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
export default { plugins: [sveltekit({ adapter: adapter() })] };
`,
    "src/app.html":
      '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">%sveltekit.head%</head><body><div>%sveltekit.body%</div></body></html>\n',
    "src/routes/+page.server.js": `
import { readFileSync } from "node:fs";
export const load = () => JSON.parse(readFileSync(process.env.CONTENT, "utf8"));
`,
    "src/routes/+page.svelte": `
<script>let { data } = $props();</script>
<svelte:head><title>News</title></svelte:head>
<main>{#each data.stories as one (one.id)}<article><h2>{one.title}</h2><p>{one.by}, {one.remarks.length} remarks</p><p>{one.text}</p></article>{/each}</main>
`,
  },
  install: () => [{ run: [process.execPath, "node_modules/vite/bin/vite.js", "build"] }],
  start: onNode("build/index.js"),
  pages: ["/", "/__data.json?x-sveltekit-invalidated=01"],
};
