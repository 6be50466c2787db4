#!/usr/bin/env bash
# Node.js 24.21.0, node:http2 server over plain TCP: a response that has begun is to be cut, so its stream gets close(NGHTTP2_INTERNAL_ERROR)
# and then destroy(). Over the wire goes an empty DATA frame with END_STREAM and no RST_STREAM: to the client the response is complete, and
# its code is 0. With destroy(error) alone the client sees the reset.
# Seen: close and destroy: no error, end, code 0; destroy with an error: ERR_HTTP2_STREAM_ERROR, no end, code 2
# What it means here: protocol/http/reset-stream.ts resets a stream without ending it first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >cut.mjs <<'JS'
import http2 from "node:http2";
import { once } from "node:events";
const { NGHTTP2_INTERNAL_ERROR } = http2.constants;
const seen = async (cut) => {
  const server = http2.createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    stream.write("the beginning", () => setTimeout(() => cut(stream), 50));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  client.on("error", () => {});
  const request = client.request({ ":path": "/" });
  let failed = "no error";
  let ended = "no end";
  request.on("error", ({ code }) => { failed = code; });
  request.on("end", () => { ended = "end"; });
  request.resume();
  await once(request, "close").catch(() => {});
  await new Promise(setImmediate);
  client.destroy();
  server.close();
  return `${failed}, ${ended}, code ${request.rstCode}`;
};
const closed = await seen((stream) => { stream.close(NGHTTP2_INTERNAL_ERROR); stream.destroy(); });
const destroyed = await seen((stream) => stream.destroy(new Error("cut")));
console.log(`close and destroy: ${closed}; destroy with an error: ${destroyed}`);
JS
seen=$(timeout 30 node_modules/.bin/node cut.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "close and destroy: no error, end, code 0; destroy with an error: ERR_HTTP2_STREAM_ERROR, no end, code 2" ]
