/** Nest on Express. Its decorators are called by hand: no compiler is needed. */
import type { Application } from "./application.ts";
import { onNode, PAGES_JS, STORY_PAGES } from "./node-apps.ts";

export const nest: Application = {
  name: "nest",
  npm: {
    "@nestjs/core": "12.5.1",
    "@nestjs/common": "12.5.1",
    "@nestjs/platform-express": "12.5.1",
    "reflect-metadata": "0.2.2",
    rxjs: "7.8.2",
  },
  files: {
    "pages.js": PAGES_JS,
    "server.js": `
require("reflect-metadata");
const { NestFactory } = require("@nestjs/core");
const { Controller, Get, Module, Param } = require("@nestjs/common");
const { content, listPage, storyPage } = require("./pages.js");
class Stories {
  list() { return listPage(); }
  story(id) { return storyPage(id); }
  api() { return content(); }
}
const route = (name, path) => Get(path)(Stories.prototype, name, Object.getOwnPropertyDescriptor(Stories.prototype, name));
route("list", "/");
Param("id")(Stories.prototype, "story", 0);
route("story", "/story/:id");
route("api", "/api/stories");
Controller()(Stories);
class Root {}
Module({ controllers: [Stories] })(Root);
NestFactory.create(Root).then((app) => app.listen(process.env.PORT, process.env.HOST));
`,
  },
  start: onNode("server.js"),
  pages: STORY_PAGES,
};
