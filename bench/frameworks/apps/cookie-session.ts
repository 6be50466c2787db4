/** Express with a session that lives in its cookie and changes with each answer; pages of some tens of KB. */
import type { Application } from "./application.ts";
import { onNode, PAGES_JS } from "./node-apps.ts";

export const cookieSession: Application = {
  name: "cookie-session",
  npm: { express: "5.3.0", "cookie-session": "2.1.1" },
  files: {
    "pages.js": PAGES_JS,
    "server.js": `
const app = require("express")();
app.use(require("cookie-session")({ name: "news", keys: ["correct horse"] }));
const { listPage } = require("./pages.js");
const PAGES = { news: 2, archive: 3, all: 5 };
app.get("/", (_, response) => response.redirect("/news"));
app.get("/:page", ({ params: { page }, session }, response) => {
  session.visits = (session.visits ?? 0) + 1;
  session.last = page;
  const lists = Array.from({ length: PAGES[page] ?? 0 }, (_, at) => "<h1>" + page + ", " + (at + 1) + "</h1>" + listPage());
  response.send(lists.join("\\n"));
});
app.listen(process.env.PORT, process.env.HOST);
`,
  },
  start: onNode("server.js"),
  pages: ["/news", "/archive", "/all"],
};
