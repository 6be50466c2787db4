#!/usr/bin/env bash
# Node.js 24.21.0, node:http2 server over plain TCP: a response ends with trailers of 70,000 bytes, which is more than the 64 KiB that nghttp2
# sends in one block of fields (option maxSendHeaderBlockLength). The stream gets no `error`, only `frameError`, and is closed with code 0; to
# the client the response is complete, its code is 0, and there are no trailers. With 60,000 bytes they arrive. A checksum or a status that
# stands in a trailer (gRPC) is lost without anybody noticing.
# Seen: 60000: no error, end, trailers of 60000, server closed 0; 70000: no error, end, no trailers, server closed 0
# What it means here: protocol/http2/as-it-comes.ts raises the bound of both ends above limits.headBytes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >trailers.mjs <<'JS'
import http2 from "node:http2";
import { once } from "node:events";
const seen = async (bytes) => {
  const server = http2.createServer();
  const told = [];
  server.on("stream", (stream) => {
    stream.on("error", ({ code }) => told.push(code));
    stream.on("close", () => told.push(`closed ${stream.rstCode}`));
    stream.on("wantTrailers", () => stream.sendTrailers({ note: "n".repeat(bytes) }));
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.end("the page");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const settings = { maxHeaderListSize: 200_000 };
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`, { settings });
  client.on("error", () => {});
  const request = client.request({ ":path": "/" });
  let failed = "no error";
  let ended = "no end";
  let trailers = "no trailers";
  request.on("error", ({ code }) => { failed = code; });
  request.on("trailers", ({ note }) => { trailers = `trailers of ${note.length}`; });
  request.on("end", () => { ended = "end"; });
  request.resume();
  await once(request, "close").catch(() => {});
  await new Promise(setImmediate);
  client.destroy();
  server.close();
  return `${bytes}: ${failed}, ${ended}, ${trailers}, server ${told.join(", ")}`;
};
console.log(`${await seen(60_000)}; ${await seen(70_000)}`);
JS
seen=$(timeout 30 node_modules/.bin/node trailers.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "60000: no error, end, trailers of 60000, server closed 0; 70000: no error, end, no trailers, server closed 0" ]
