#!/usr/bin/env bash
# Node.js 24.21.0, node:http server: a request handler pauses the socket of its connection, to read no further while a client that pipelines
# waits for its answer. The server resumes the socket by itself when the response is done, whatever paused it: all that the client
# has sent is read although nobody called resume().
# Seen: 5 of 5 requests read, by a server that paused its socket 5 times and resumed it 0 times
# What it means here: edge-side/http/pipeline-queue.ts also guards the socket's resume while pipelined requests wait.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >pipeline.mjs <<'JS'
import http from "node:http";
import net from "node:net";
import { once } from "node:events";
const server = http.createServer((request, response) => {
  requests++;
  request.socket.pause();
  paused++;
  response.end("ok");
});
let requests = 0;
let paused = 0;
server.listen(0, "127.0.0.1");
await once(server, "listening");
const client = net.connect(server.address().port, "127.0.0.1");
await once(client, "connect");
client.resume();
const TOTAL = 5;
for (let sent = 0; sent < TOTAL; sent++) {
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 100));
}
console.log(`${requests} of ${TOTAL} requests read, by a server that paused its socket ${paused} times and resumed it 0 times`);
client.destroy();
server.close();
JS
seen=$(timeout 30 node_modules/.bin/node pipeline.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "5 of 5 requests read, by a server that paused its socket 5 times and resumed it 0 times" ]
