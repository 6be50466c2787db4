#!/usr/bin/env bash
# Node.js 24.21.0, node:http2 server: a request whose body is paused is answered, and its stream closed with NGHTTP2_NO_ERROR, as RFC 9113
# section 8.1 has it for a server that needs no more of the request. The client has its answer and the stream counts as closed, but it is never
# destroyed and emits no "close": it stays, with all that hangs on it, until the session ends. After resume() it is destroyed at once.
# Seen: left as it is: closed true, destroyed false; resumed: closed true, destroyed true
# What it means here: edge-side/http/http2-visitor.ts reads on what had come when it closes such a stream.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >rest.mjs <<'JS'
import http2 from "node:http2";
import { once } from "node:events";
const seen = async (after) => {
  const server = http2.createServer();
  const { promise: theirs, resolve } = Promise.withResolvers();
  server.on("stream", (stream) => resolve(stream));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  const request = client.request({ ":path": "/", ":method": "POST" });
  request.on("error", () => {}).resume();
  request.write(Buffer.alloc(30_000));
  const stream = await theirs;
  stream.once("readable", () => {});
  await once(stream, "readable");
  stream.pause();
  stream.respond({ ":status": 200 });
  stream.end("enough");
  await once(stream, "finish");
  stream.close(http2.constants.NGHTTP2_NO_ERROR);
  await once(request, "close");
  after(stream);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const state = `closed ${stream.closed}, destroyed ${stream.destroyed}`;
  client.destroy();
  server.close();
  return state;
};
console.log(`left as it is: ${await seen(() => {})}; resumed: ${await seen((stream) => stream.resume())}`);
JS
seen=$(timeout 30 node_modules/.bin/node rest.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "left as it is: closed true, destroyed false; resumed: closed true, destroyed true" ]
