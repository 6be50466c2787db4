#!/usr/bin/env bash
# Node.js 24.21.0: zstd that begins with a skippable frame (RFC 8878 section 3.1.2) is decoded to nothing at all, without an error, by
# zstdDecompressSync, zstdDecompress and createZstdDecompress alike; the frame with the page behind it is never read. Behind a frame of data
# a skippable one, or another one of data, is right. The program zstd gives the page.
# Seen: 900 bytes behind a skippable frame: sync 0, async 0, stream 0; two frames of data: 1800
# What it means here: nobody may take an empty result for an empty page; edge-side/dictionaries writes such a frame, and tests read it by another decoder.
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
const coded = Buffer.concat([skippable, frame]);
const decoder = createZstdDecompress();
decoder.end(coded);
const sizes = [zstdDecompressSync(coded), await promisify(zstdDecompress)(coded), await buffer(decoder)].map(({ length }) => length);
const two = zstdDecompressSync(Buffer.concat([frame, frame])).length;
console.log(`${page.length} bytes behind a skippable frame: sync ${sizes[0]}, async ${sizes[1]}, stream ${sizes[2]}; two frames of data: ${two}`);
JS
seen=$(timeout 30 node_modules/.bin/node skippable.mjs)
echo "Node $(node_modules/.bin/node --version): $seen"
[ "$seen" = "900 bytes behind a skippable frame: sync 0, async 0, stream 0; two frames of data: 1800" ]
