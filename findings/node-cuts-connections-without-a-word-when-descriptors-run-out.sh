#!/usr/bin/env bash
# Node.js 24.21.0 (libuv): a process is out of file descriptors, and connections still arrive at its port. libuv keeps one descriptor in
# reserve, accepts each with it and closes it at once. Visitors are connected, then cut, not left in the backlog; the server hears nothing:
# no "connection", no "drop", no "error".
# Seen: EMFILE; visitors: connected, closed; connected, closed; connected, closed; the server: 0 connections, 0 drops, 0 errors
# What it means here: the edge counts descriptors itself and refuses visitors before there are none left, protocol/runtime/descriptors.ts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >short.mjs <<'JS'
import { fork } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { connect, createServer } from "node:net";
const visit = (port) =>
  new Promise((resolve) => {
    const seen = [];
    connect(port, "127.0.0.1")
      .on("connect", () => seen.push("connected"))
      .on("error", ({ code }) => seen.push(code))
      .on("close", () => resolve([...seen, "closed"].join(", ")))
      .setTimeout(5_000, () => resolve([...seen, "kept"].join(", ")));
  });
if (process.argv[2] !== undefined) {
  const visits = [];
  for (let n = 0; n < 3; n++) visits.push(await visit(Number(process.argv[2])));
  process.send(visits.join("; "));
  process.disconnect();
} else {
  const heard = { connection: 0, drop: 0, error: 0 };
  const server = createServer();
  for (const event of Object.keys(heard)) server.on(event, () => { heard[event] += 1; });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const visitor = fork(process.argv[1], [String(server.address().port)]);
  let failed;
  while (failed === undefined)
    try {
      openSync("/dev/null");
    } catch ({ code }) {
      failed = code;
    }
  const [visits] = await once(visitor, "message");
  console.log(`${failed}; visitors: ${visits}; the server: ${heard.connection} connections, ${heard.drop} drops, ${heard.error} errors`);
  process.exit();
}
JS
node=$PWD/node_modules/.bin/node
seen=$(ulimit -n 256 && timeout 30 "$node" short.mjs)
echo "Node $("$node" --version): $seen"
[ "$seen" = "EMFILE; visitors: connected, closed; connected, closed; connected, closed; the server: 0 connections, 0 drops, 0 errors" ]
