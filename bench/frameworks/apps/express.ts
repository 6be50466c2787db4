/** Express: says nothing of caching, tags each body. */
import type { Application } from "./application.ts";
import { onNode, PAGES_JS, STORY_PAGES } from "./node-apps.ts";

export const express: Application = {
  name: "express",
  npm: { express: "5.3.0" },
  files: {
    "pages.js": PAGES_JS,
    "server.js": `
const app = require("express")();
const { content, listPage, storyPage } = require("./pages.js");
app.get("/", (_, response) => response.send(listPage()));
app.get("/story/:id", (request, response) => response.send(storyPage(request.params.id)));
app.get("/api/stories", (_, response) => response.json(content()));
app.listen(process.env.PORT, process.env.HOST);
`,
  },
  start: onNode("server.js"),
  pages: STORY_PAGES,
};
