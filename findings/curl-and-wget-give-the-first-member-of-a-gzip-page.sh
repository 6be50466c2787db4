#!/usr/bin/env bash
# curl 7.88.1 and wget 1.21.3 (Debian 12): a gzip body may be several members, one after another (RFC 1952 section 2.2), as parts that were compressed each by itself are. wget
# --compression=gzip gives the first one and ends with 0: part of the page, in order. curl --compressed gives the first one too, and fails with 23, which stands for a disk or pipe that
# takes no more. So do PHP's curl, Ruby's Net::HTTP, LWP, aiohttp and httpx of Debian 12 and Chromium 156: the first alone, and but for the first of them without a word. Node.js' fetch,
# Go and Python's requests give all of it.
# Seen: of a page of 130 bytes in two members: curl 60, exit code 23; wget 60, exit code 0; fetch of Node.js 24.21.0 130
# What it means here: what an edge makes has one member; a web server's page in several is read whole and coded anew, where it is coded at all (origin-side/answer/decompress.ts).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 wget=1.21.3-1+deb12u1; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >members.mjs <<'JS'
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
const page = Buffer.concat([gzipSync("first ".repeat(10)), gzipSync("second ".repeat(10))]);
const server = http.createServer((_, response) => {
  response.writeHead(200, { "Content-Type": "text/plain", "Content-Encoding": "gzip", "Content-Length": page.length });
  response.end(page);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}/`;
const run = async (program, args, env) => {
  const child = spawn(program, [...args, url], { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, ...env } });
  const [got, [code]] = await Promise.all([buffer(child.stdout), once(child, "close")]);
  return `${got.length}, exit code ${code}`;
};
const curl = await run("usr/bin/curl", ["--silent", "--compressed", "--noproxy", "*"], { LD_LIBRARY_PATH: process.argv[2] });
const wget = await run("usr/bin/wget", ["--quiet", "--no-proxy", "--no-hsts", "--compression=gzip", "--output-document=-"]);
const { length } = await (await fetch(url)).text();
console.log(`curl ${curl}; wget ${wget}; fetch ${length}`);
server.close();
server.closeAllConnections();
JS
seen=$(timeout 30 node_modules/.bin/node members.mjs "$(dirname "$work"/usr/lib/*/libcurl.so.4)")
echo "curl 7.88.1, wget 1.21.3, Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "curl 60, exit code 23; wget 60, exit code 0; fetch 130" ]
