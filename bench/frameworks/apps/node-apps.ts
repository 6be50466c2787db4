/** What applications on Node share: how they start, and the page that Express and Nest render. */
import type { Command, Place } from "./application.ts";

/** Asked for: the list, two stories, and the list as JSON. */
export const STORY_PAGES = ["/", "/story/9", "/story/12", "/api/stories"] as const;

/** Starts a program of the application's folder, with port, host and content in its environment. */
export const onNode =
  (...args: readonly [string, ...string[]]) =>
  ({ port, content }: Place): readonly Command[] => [
    {
      run: [process.execPath, ...args],
      env: { PORT: port, HOST: "127.0.0.1", HOSTNAME: "127.0.0.1", CONTENT: content, NODE_ENV: "production" },
    },
  ];

/** A CommonJS module with `content()`, `listPage()` and `storyPage(id)`. */
export const PAGES_JS = `
const { readFileSync } = require("node:fs");
const content = () => JSON.parse(readFileSync(process.env.CONTENT, "utf8"));
const layout = (title, main) => \`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>\${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/site.css"></head>
<body><header><nav><a href="/">News</a> <a href="/about">About</a> <a href="/contact">Contact</a></nav></header>
<main>\${main}</main><footer><p>All rights reserved.</p></footer></body></html>\`;
const listPage = () => layout("News", content().stories.map((one) =>
  \`<article class="teaser" id="story-\${one.id}"><h2><a href="/story/\${one.id}">\${one.title}</a></h2>
<p class="by">\${one.by}, \${one.remarks.length} remarks</p><p>\${one.text}</p></article>\`).join("\\n"));
const storyPage = (id) => {
  const one = content().stories.find((story) => story.id === Number(id));
  return one && layout(one.title, \`<article><h1>\${one.title}</h1><p class="by">\${one.by}</p><p>\${one.text}</p>
<ul>\${one.remarks.map((text) => \`<li>\${text}</li>\`).join("")}</ul></article>\`);
};
module.exports = { content, listPage, storyPage };
`;
