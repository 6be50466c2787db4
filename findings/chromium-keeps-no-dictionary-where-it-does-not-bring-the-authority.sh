#!/usr/bin/env bash
# Chromium 153.0.8010.0 (npm's @sparticuz/chromium 153.0.0): a page over HTTPS, without a warning, in a secure context; a file of it says Use-As-Dictionary (RFC 9842). The next request
# names it only where the certificate is of an authority that Chromium itself brings: not of a company's own, nor a developer's, nor of a proxy that looks into TLS, all of which the
# browser trusts. It says nothing of that, in no console and no header. Over plain HTTP to 127.0.0.1 the dictionary is named. RFC 9842 asks for a secure context and no more; the flag is
# CompressionDictionaryTransportRequireKnownRootCert.
# Seen: HTTPS, an authority of one's own: gzip, deflate, br, zstd; the same without that rule: gzip, deflate, br, zstd, dcb, dcz; plain HTTP to 127.0.0.1: gzip, deflate, br, zstd, dcb, dcz
# What it means here: such visitors get pages as without dictionaries (docs/dictionaries.md); tests of dictionaries take the rule away (test/kit/browser.ts).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export TMPDIR="$work" HOME="$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 @sparticuz/chromium@153.0.0 playwright-core@1.65.1 >/dev/null 2>&1
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -days 30 -subj /CN=site.test -addext subjectAltName=DNS:site.test 2>/dev/null
cat >dictionaries.mjs <<'JS'
import { hash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import packed from "@sparticuz/chromium";
import { chromium } from "playwright-core";
const [cert, key] = [readFileSync("certificate.pem"), readFileSync("key.pem")];
let codings = "";
const site = (request, response) => {
  codings = request.headers["accept-encoding"];
  const dictionary = request.url === "/dictionary" ? { "Use-As-Dictionary": 'match="/*"' } : {};
  response.writeHead(200, { "Content-Type": "text/html", "Cache-Control": "max-age=3600", ...dictionary });
  response.end(`<!doctype html><link rel=icon href=data:,>${"what pages share ".repeat(30)}`);
};
const servers = [https.createServer({ cert, key }, site), http.createServer(site)];
for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
const [own, plain] = servers.map((server) => server.address().port);
const trusted = hash("sha256", new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" }), "base64");
const executablePath = await packed.executablePath();
const seen = async (base, ...flags) => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP site.test 127.0.0.1, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND"];
  const browser = await chromium.launch({ executablePath, args: [...args, `--ignore-certificate-errors-spki-list=${trusted}`, ...flags] });
  const page = await browser.newPage();
  await page.goto(`${base}/one`);
  await page.evaluate(() => fetch("/dictionary").then((response) => response.text()));
  if (!(await page.evaluate(() => isSecureContext))) throw new Error("no secure context");
  // It is kept a moment after it was read.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await page.goto(`${base}/two`);
  await browser.close();
  return codings;
};
const authority = `https://site.test:${own}`;
const asItIs = await seen(authority);
const without = await seen(authority, "--disable-features=CompressionDictionaryTransportRequireKnownRootCert");
const loopback = await seen(`http://127.0.0.1:${plain}`);
console.log(`HTTPS, an authority of one's own: ${asItIs}; the same without that rule: ${without}; plain HTTP to 127.0.0.1: ${loopback}`);
process.exit();
JS
seen=$(timeout 50 node_modules/.bin/node dictionaries.mjs)
echo "Chromium 153: $seen"
[ "$seen" = "HTTPS, an authority of one's own: gzip, deflate, br, zstd; the same without that rule: gzip, deflate, br, zstd, dcb, dcz; plain HTTP to 127.0.0.1: gzip, deflate, br, zstd, dcb, dcz" ]
