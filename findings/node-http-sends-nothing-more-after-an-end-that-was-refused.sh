#!/usr/bin/env bash
# Node.js 24.21.0, node:http with strictContentLength: response.end(body) with a body shorter than its Content-Length throws
# ERR_HTTP_CONTENT_LENGTH_MISMATCH, as documented. It leaves the connection corked: whoever catches the error and writes the rest sends nothing, not even
# the head. After write(body) and an end() that is refused for the same reason, what is written arrives.
# Seen: end(body): ERR_HTTP_CONTENT_LENGTH_MISMATCH, no byte; write(body), end(): ERR_HTTP_CONTENT_LENGTH_MISMATCH, all of it
# What it means here: edge-side/http/http1-visitor.ts writes a last piece apart from its end where the lengths differ.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >corked.mjs <<'JS'
import { once } from "node:events";
import http from "node:http";
const seen = async (answer, rest) => {
  let thrown = "nothing thrown";
  const server = http.createServer((_, response) => {
    response.strictContentLength = true;
    response.writeHead(200, { "Content-Length": 10 });
    try {
      answer(response);
    } catch ({ code }) {
      thrown = code;
    }
    response.write(rest);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  let text = "";
  const request = http.get({ port: server.address().port }, (response) => {
    response.setEncoding("latin1").on("data", (some) => { text += some; });
  });
  request.on("error", () => {});
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  request.destroy();
  server.closeAllConnections();
  server.close();
  return `${thrown}, ${{ "": "no byte", "first last": "all of it" }[text] ?? text}`;
};
const whole = await seen((response) => response.end("first"), "first last");
const apart = await seen((response) => {
  response.write("first");
  response.end();
}, " last");
console.log(`end(body): ${whole}; write(body), end(): ${apart}`);
JS
seen=$(timeout 30 node_modules/.bin/node corked.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "end(body): ERR_HTTP_CONTENT_LENGTH_MISMATCH, no byte; write(body), end(): ERR_HTTP_CONTENT_LENGTH_MISMATCH, all of it" ]
