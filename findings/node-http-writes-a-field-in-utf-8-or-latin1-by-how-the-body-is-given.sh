#!/usr/bin/env bash
# Node.js 24.21.0, node:http server: one and the same field value, "café" as a string, leaves as five bytes of UTF-8 or as four of latin1, by how the body is
# given: `end("text")` and `flushHeaders()` make UTF-8, `end(buffer)`, `end()` and `write()` before the end latin1. The head is written together with a first piece that is a
# string, in that string's encoding. What reads fields as latin1, as Node itself and fetch do, gets "cafÃ©" of one route and "café" of another; a Content-Disposition that was
# right breaks when its file is sent as a string.
# Seen: end("ok") 636166c3a9, flushHeaders() 636166c3a9, end(buffer) 636166e9, write("ok") 636166e9, end() 636166e9
# What it means here: heads go on as latin1 whatever the body is, beside a Buffer always (edge-side/http/http1-visitor.ts, protocol/http/header-list.ts).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >heads.mjs <<'JS'
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { buffer } from "node:stream/consumers";
const seen = async (answer) => {
  const server = http.createServer((_, response) => {
    response.setHeader("x-name", "caf\u00e9");
    answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = net.connect(server.address().port, "127.0.0.1");
  client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const head = (await buffer(client)).toString("latin1");
  server.close();
  return Buffer.from(/^x-name: (.*)\r$/m.exec(head)[1], "latin1").toString("hex");
};
const ways = {
  'end("ok")': (response) => response.end("ok"),
  "flushHeaders()": (response) => {
    response.flushHeaders();
    response.end();
  },
  "end(buffer)": (response) => response.end(Buffer.from("ok")),
  'write("ok")': (response) => {
    response.write("ok");
    response.end();
  },
  "end()": (response) => response.end(),
};
const told = [];
for (const [name, answer] of Object.entries(ways)) told.push(`${name} ${await seen(answer)}`);
console.log(told.join(", "));
JS
seen=$(timeout 30 node_modules/.bin/node heads.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = 'end("ok") 636166c3a9, flushHeaders() 636166c3a9, end(buffer) 636166e9, write("ok") 636166e9, end() 636166e9' ]
