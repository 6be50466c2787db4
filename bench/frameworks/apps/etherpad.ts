/** Etherpad: a session for each visitor, set with every answer until it comes back; a pad's exports are attachments, one of them JSON as octets. */
import { type Application, type Command, contentOf, type Place } from "./application.ts";

const keyFile = (state: string) => `${state}/key.txt`;

const server = ({ state }: Place) =>
  [
    process.execPath,
    "src/node/server.js",
    "--settings",
    "settings.json",
    "--apikey",
    keyFile(state),
    "--sessionkey",
    `${state}/session.txt`,
  ] as const;

const environment = ({ state, port }: Place) => ({
  KEY: keyFile(state),
  PADS: `${state}/pads.db`,
  PORT: port,
  NODE_ENV: "production",
});

/** Calls `method` of the HTTP API of the server of `place` on the pad. */
const padCall = (place: Place, method: string, text: string): Command => ({
  run: [process.execPath, "pad.js", method],
  env: { ...environment(place), TEXT: text },
});

const PAD_TEXT = contentOf(0)
  .stories.map(({ title, by, text, remarks }) => [title, by, "", text, ...remarks, ""].join("\n"))
  .join("\n");

export const etherpad: Application = {
  name: "etherpad",
  npm: { "ep_etherpad-lite": "1.8.14" },
  files: {
    "settings.json": JSON.stringify({
      title: "News",
      ip: "127.0.0.1",
      port: `\${PORT}`,
      dbType: "dirty",
      dbSettings: { filename: `\${PADS}` },
      skinName: "colibris",
      trustProxy: true,
      loglevel: "WARN",
      importExportRateLimiting: { windowMs: 1_000, max: 1_000 },
    }),
    "pad.js": `
const { readFileSync } = require("node:fs");
const { KEY, PORT, TEXT } = process.env;
(async () => {
  const form = new URLSearchParams({ apikey: readFileSync(KEY, "utf8"), padID: "stories", text: TEXT });
  const answer = await fetch("http://127.0.0.1:" + PORT + "/api/1.2.13/" + process.argv[2], { method: "POST", body: form });
  const { code, message } = await answer.json();
  if (code !== 0) throw new Error(message);
})();
`,
  },
  // The server finds its files only where they lie in a folder "src", as in its repository.
  install: (place) => {
    const [node, ...args] = server(place);
    const setUp = `
      mv node_modules/ep_etherpad-lite src && ln -s ../src node_modules/ep_etherpad-lite || exit 1
      "${node}" ${args.join(" ")} & SERVER=$!
      DONE=1; for N in $(seq 120); do "${node}" pad.js createPad && DONE=0 && break; sleep 1; done; kill $SERVER; wait $SERVER; exit $DONE`;
    return [{ run: ["sh", "-c", setUp], env: { ...environment(place), TEXT: PAD_TEXT } }];
  },
  start: (place) => [{ run: server(place), env: environment(place) }],
  pages: [
    "/",
    "/p/stories",
    "/p/stories/timeslider",
    "/p/stories/export/html",
    "/p/stories/export/txt",
    "/p/stories/export/etherpad",
  ],
  change: (place, n) =>
    padCall(place, "appendText", `Seen in edition ${n}: ${contentOf(n).stories[7]?.text}\n`),
};
