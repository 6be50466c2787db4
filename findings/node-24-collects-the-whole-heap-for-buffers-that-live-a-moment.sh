#!/usr/bin/env bash
# Node.js 24.21.0: 60,000 Buffers of 128 KiB, of which 50 are held at a time, are collected by about a hundred collections of the whole heap
# (mark-compact and incremental marking) and hardly a scavenge. With V8's young generation bounded at run time
# (v8.setFlagsFromString("--scavenger-max-new-space-capacity-mb=4"), also after the start) it is the other way round. Node 24's V8 lets that
# generation grow to 32 MiB, so that the limit for external memory is always reached first.
# Seen: default: 0 scavenges, 62 mark-compacts; bounded: 694 scavenges, 1 mark-compact
# What it means here: protocol/runtime/young-generation.ts bounds it for both daemons.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >collections.mjs <<'JS'
import { PerformanceObserver, constants } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
if (process.argv[2] === "bounded") setFlagsFromString("--scavenger-max-new-space-capacity-mb=4");
const seen = new Map();
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) seen.set(detail.kind, (seen.get(detail.kind) ?? 0) + 1);
}).observe({ entryTypes: ["gc"] });
const held = [];
let made = 0;
const make = () => {
  for (let i = 0; i < 200; i++) held[made++ % 50] = Buffer.allocUnsafeSlow(128 * 1024).fill(1, 0, 10);
  if (made < 60_000) setImmediate(make);
  else setTimeout(() => console.log(seen.get(constants.NODE_PERFORMANCE_GC_MINOR) ?? 0, seen.get(constants.NODE_PERFORMANCE_GC_MAJOR) ?? 0), 10);
};
make();
JS
node=node_modules/.bin/node
read -r minor major < <("$node" collections.mjs default)
read -r bounded_minor bounded_major < <("$node" collections.mjs bounded)
echo "Node $("$node" --version): default: $minor scavenges, $major mark-compacts; bounded: $bounded_minor scavenges, $bounded_major mark-compacts"
[ "$major" -gt 20 ] && [ "$minor" -lt 20 ] && [ "$bounded_major" -lt 10 ] && [ "$bounded_minor" -gt 200 ]
