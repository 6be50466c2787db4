#!/usr/bin/env bash
# Node.js 24.21.0 (libuv): a server on a unix socket is closed, and the path that it was bound under is unlinked, whoever's socket is there by
# now. Another process had renamed its own socket onto that path, as one does to take over without a moment in which nobody listens: it
# listens on, and nobody can reach it.
# Seen: before: the second; after the first has closed: ENOENT
# What it means here: protocol/admin/listen-socket.ts binds under a name of its own, and does not leave the path to close().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >take-over.mjs <<'JS'
import { fork } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { connect, createServer } from "node:net";
const PATH = "./site.sock";
const listen = async (says, path) => {
  const server = createServer((socket) => socket.end(says)).listen(path);
  await once(server, "listening");
  return server;
};
if (process.argv[2] === "second") {
  await listen("the second", "./next.sock");
  renameSync("./next.sock", PATH);
  process.send("there");
  process.once("disconnect", () => process.exit());
} else {
  const first = await listen("the first", PATH);
  const second = fork(process.argv[1], ["second"]);
  await once(second, "message");
  const asked = () =>
    new Promise((resolve) => {
      connect(PATH).on("data", (said) => resolve(String(said))).on("error", ({ code }) => resolve(code));
    });
  const before = await asked();
  first.close();
  await once(first, "close");
  console.log(`before: ${before}; after the first has closed: ${await asked()}`);
  second.disconnect();
}
JS
seen=$(timeout 30 node_modules/.bin/node take-over.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "before: the second; after the first has closed: ENOENT" ]
