#!/usr/bin/env bash
# bytes 3.1.2 (npm), the usual parser of sizes in settings, knows KB, MB and GB but not the binary units KiB, MiB and GiB. It does not
# refuse them either: it reads the number and passes over the rest, so a limit written as "256 MiB" becomes 256 bytes.
# Seen: 256 MiB -> 256, 1MiB -> 1, 10 apples -> 10, 256 MB -> 268435456
# What it means here: sizes are read by protocol/config/units.ts, which refuses a unit that it does not know.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund bytes@3.1.2 >/dev/null
seen=$(node -e '
  const bytes = require("bytes");
  console.log(["256 MiB", "1MiB", "10 apples", "256 MB"].map((text) => `${text} -> ${bytes.parse(text)}`).join(", "));
')
echo "bytes 3.1.2: $seen"
[ "$seen" = "256 MiB -> 256, 1MiB -> 1, 10 apples -> 10, 256 MB -> 268435456" ]
