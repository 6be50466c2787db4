#!/usr/bin/env bash
# Node.js 24.21.0, node:http2 server: of a request whose Authorization or Cookie ends in a space the field is left out, and the request is served all
# the same, as if the visitor had sent no credentials. No event, no error. Over HTTP/1.1 the same server trims the value. With
# strictFieldWhitespaceValidation: false the field arrives with its space.
# Seen: default: authorization undefined, cookie undefined, accept "*/*"; relaxed: authorization "Bearer abc ", cookie "a=b ", accept "*/*"
# What it means here: edge-side/http sets that option and trims values itself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >fields.mjs <<'JS'
import http2 from "node:http2";
import { once } from "node:events";
const seen = async (options) => {
  const server = http2.createServer(options);
  server.on("stream", (stream, { authorization, cookie, accept }) => {
    stream.respond({ ":status": 200 });
    stream.end(`authorization ${JSON.stringify(authorization)}, cookie ${JSON.stringify(cookie)}, accept ${JSON.stringify(accept)}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`, { strictFieldWhitespaceValidation: false });
  const request = client.request({ ":path": "/", authorization: "Bearer abc ", cookie: "a=b ", accept: "*/*" });
  request.setEncoding("utf8");
  let body = "";
  for await (const piece of request) body += piece;
  client.close();
  server.close();
  return body;
};
console.log(`default: ${await seen({})}; relaxed: ${await seen({ strictFieldWhitespaceValidation: false })}`);
JS
seen=$(node_modules/.bin/node fields.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = 'default: authorization undefined, cookie undefined, accept "*/*"; relaxed: authorization "Bearer abc ", cookie "a=b ", accept "*/*"' ]
