#!/usr/bin/env bash
# Node.js 24.21.0 (Chromium's zlib 1.3.1), and 20 likewise: a deflate stream is reset and given another input. What comes out depends on what the stream had coded before the
# reset: other bytes, and mostly other lengths, for every seventh of these inputs, short ones of three letters. They all inflate to the input, and new streams always make the same
# bytes. The window keeps the earlier input behind the end of the new one, and this zlib finds repeats by hashes of four bytes where three make a repeat, so that the last ones of an
# input reach beyond it. Perl's Compress::Raw::Zlib on Debian's zlib 1.2.13 makes the same bytes each time.
# Seen: of 400 inputs, behind another one: 60 other bytes, 49 of another length, 400 inflate to the input; in two new streams: 0 other bytes
# What it means here: coders that stay are zstd's; gzip and deflate take a new one for each page (protocol/codec/reused-zstd.ts).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >reset.mjs <<'JS'
import { once } from "node:events";
import { createDeflateRaw, inflateRawSync } from "node:zlib";
let seed = 1;
/** As many letters, of the first `of` of the alphabet; the same in each run. */
const letters = (count, of) =>
  Buffer.from(Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return 97 + ((seed >> 12) % of);
  }));
/** Flushed, as a stream that has ended cannot be reset. */
const coded = async (stream, input) => {
  const pieces = [];
  const take = (piece) => pieces.push(piece);
  stream.on("data", take);
  stream.write(input);
  await new Promise((resolve) => stream.flush(resolve));
  await new Promise(setImmediate);
  stream.off("data", take);
  return Buffer.concat(pieces);
};
const seen = { bytes: 0, lengths: 0, right: 0, fresh: 0 };
for (let n = 0; n < 400; n++) {
  const [other, input] = [letters(400, 3), letters(40 + (n % 100), 3)];
  const [used, fresh, again] = [createDeflateRaw(), createDeflateRaw(), createDeflateRaw()];
  await coded(used, other);
  used.reset();
  const [behind, alone, second] = [await coded(used, input), await coded(fresh, input), await coded(again, input)];
  if (!behind.equals(alone)) seen.bytes++;
  if (behind.length !== alone.length) seen.lengths++;
  if (inflateRawSync(Buffer.concat([behind, Buffer.from([3, 0])])).equals(input)) seen.right++;
  if (!second.equals(alone)) seen.fresh++;
  for (const stream of [used, fresh, again]) {
    stream.destroy();
    await once(stream, "close");
  }
}
console.log(`${seen.bytes} ${seen.lengths} ${seen.right} ${seen.fresh}`);
JS
read -r bytes lengths right fresh < <(timeout 40 node_modules/.bin/node reset.mjs)
echo "Node $(node_modules/.bin/node --version): of 400 inputs, behind another one: $bytes other bytes, $lengths of another length, $right inflate to the input; in two new streams: $fresh other bytes"
[ "$bytes" -gt 20 ] && [ "$lengths" -gt 10 ] && [ "$right" = 400 ] && [ "$fresh" = 0 ]
