#!/usr/bin/env bash
# Node.js 24.21.0: zstd frames may follow one another, and some may be skipped (RFC 8878 section 3). zstdDecompressSync, zstdDecompress and
# createZstdDecompress alike end behind the first, without an error: two frames of a page give half of it, and a page behind a skippable
# frame is decoded to nothing at all. (gunzipSync reads all members of a gzip body.) The program zstd gives the whole.
# Seen: 900 bytes behind a skippable frame: sync 0, async 0, stream 0; two frames of data: sync 900, async 900, stream 900
# What it means here: origin-side/answer/decompress.ts starts a decoder for each frame, and nobody takes an empty result for an empty page.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >skippable.mjs <<'JS'
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { createZstdDecompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";
const page = Buffer.from("the page ".repeat(100));
const frame = zstdCompressSync(page);
const skippable = Buffer.from("502a4d18" + "04000000" + "01020304", "hex"); // magic number | 4 bytes | which are skipped
/** What each of them makes of it, in bytes. */
const sizes = async (...frames) => {
  const coded = Buffer.concat(frames);
  const decoder = createZstdDecompress();
  decoder.end(coded);
  const [sync, async, stream] = [zstdDecompressSync(coded), await promisify(zstdDecompress)(coded), await buffer(decoder)];
  return `sync ${sync.length}, async ${async.length}, stream ${stream.length}`;
};
console.log(`${page.length} bytes behind a skippable frame: ${await sizes(skippable, frame)}; two frames of data: ${await sizes(frame, frame)}`);
JS
seen=$(timeout 30 node_modules/.bin/node skippable.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "900 bytes behind a skippable frame: sync 0, async 0, stream 0; two frames of data: sync 900, async 900, stream 900" ]
