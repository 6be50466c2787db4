#!/usr/bin/env bash
# compressible 2.0.18 (npm), which says what Express' compression and others may compress, follows mime-db by type alone. It says yes to
# text/event-stream, whose events then wait in the compressor's buffer until somebody flushes it, and does not know font/woff.
# Seen: text/event-stream true, application/x-ndjson undefined, application/wasm true, font/woff undefined
# What it means here: protocol/http/compressible.ts has a small table of differences in front of the library.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund compressible@2.0.18 mime-db@1.54.0 >/dev/null
seen=$(node -e '
  const compressible = require("compressible");
  console.log(["text/event-stream", "application/x-ndjson", "application/wasm", "font/woff"].map((type) => `${type} ${compressible(type)}`).join(", "));
')
echo "compressible 2.0.18: $seen"
[ "$seen" = "text/event-stream true, application/x-ndjson undefined, application/wasm true, font/woff undefined" ]
