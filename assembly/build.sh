#!/usr/bin/env bash
# Makes protocol/mixing/mixer-binary.ts of the AssemblyScript beside this. With --check it says whether the one that is there was made of it.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=protocol/mixing/mixer-binary.ts
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
node_modules/.bin/asc assembly/mixer.ts --outFile "$scratch/mixer.wasm" -O3 --runtime stub --noAssert --enable simd --disableWarning 112 --initialMemory 112
{
  echo '/** assembly/mixer.ts as WebAssembly, in Base64. Made by `npm run build:mixer`: change that, not this. */'
  echo 'export const MIXER_BINARY ='
  echo "  \"$(base64 --wrap=0 "$scratch/mixer.wasm")\";"
} >"$scratch/mixer-binary.ts"
if [ "${1:-}" = --check ]; then
  cmp "$scratch/mixer-binary.ts" "$binary" || { echo "$binary is not what assembly/ makes: npm run build:mixer"; exit 1; }
else
  cp "$scratch/mixer-binary.ts" "$binary"
fi
