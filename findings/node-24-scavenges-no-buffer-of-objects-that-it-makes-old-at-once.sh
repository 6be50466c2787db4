#!/usr/bin/env bash
# Node.js 24.21.0: a function makes an object for each page of 200 KB; 30 are in use at a time. Where all that it made before lived on for a while, as in a rush, no
# scavenge frees a page any more, and the whole heap is collected instead, for good: V8 has seen that what is made there lives on, and makes it in the old generation from
# then on (--allocation-site-pretenuring, on by default), and what an old object refers to is alive to a scavenge, though nobody holds that object.
# Seen: mark-compacts: 16 after a rush, 1 without one, 1 after a rush with --no-allocation-site-pretenuring
# What it means here: both daemons set that flag (protocol/runtime/young-generation.ts): 200 KB pages went 1.2 times as fast.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >visits.mjs <<'JS'
import { constants, PerformanceObserver } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
// Else Buffers alone make Node 24 collect the whole heap: see node-24-collects-the-whole-heap-for-buffers-that-live-a-moment.sh.
setFlagsFromString("--scavenger-max-new-space-capacity-mb=8");
setFlagsFromString("--heap-growing-percent=200");
/** As much as a server has loaded. */
const loaded = Array.from({ length: 300_000 }, (_, number) => [number, number]);
const NONE = Buffer.alloc(0);
const visitOf = (page) => ({ page, answer: { page }, pieces: [page] });
let visits = [];
let whole = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole++;
}).observe({ entryTypes: ["gc"] });
const inTurns = async (turns, turn) => {
  for (let at = 0; at < turns; at++) {
    turn();
    await new Promise(setImmediate);
  }
};
if (process.argv[2] === "rush")
  await inTurns(200, () => {
    for (let times = 0; times < 5_000; times++) visits.push(visitOf(NONE));
  });
visits = [];
await new Promise((resolve) => setTimeout(resolve, 50));
whole = 0;
await inTurns(600, () => {
  for (let times = 0; times < 12; times++) visits.push(visitOf(Buffer.allocUnsafeSlow(200_000)));
  visits = visits.slice(-30);
});
setTimeout(() => console.log(loaded.length > 0 && whole), 50);
JS
node=node_modules/.bin/node
rush=$("$node" visits.mjs rush)
calm=$("$node" visits.mjs calm)
without=$("$node" --no-allocation-site-pretenuring visits.mjs rush)
echo "Node $("$node" --version): mark-compacts: $rush after a rush, $calm without one, $without after a rush with --no-allocation-site-pretenuring"
[ "$rush" -gt 8 ] && [ "$calm" -lt 6 ] && [ "$without" -lt 6 ]
