#!/usr/bin/env bash
# Node.js 24.21.0: 8,000 Buffers of 200 KB go through a Map, by numbers, of which 80 are there at a time and the older ones are deleted. Once the Map
# was there at a collection, no scavenge frees them: the whole heap is collected twenty times. Through an array of 80 places, or a Map of
# objects that hold the Buffer and are emptied when they are deleted, it is collected a few times. When keys come and go, V8 gives a Map another
# table again and again; the old table keeps what was in it then, and refers to the new one: one in the old generation, which nobody holds,
# keeps all that follow. Set does the same. WeakMap does not.
# Seen: mark-compacts: array 1, Map 15, Map of emptied objects 2, WeakMap 1
# What it means here: what comes and goes with each request goes through protocol/runtime/turnover.ts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >through.mjs <<'JS'
import { constants, PerformanceObserver } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
// Else Buffers alone make Node 24 collect the whole heap: see node-24-collects-the-whole-heap-for-buffers-that-live-a-moment.sh.
setFlagsFromString("--scavenger-max-new-space-capacity-mb=8");
setFlagsFromString("--heap-growing-percent=200");
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
const LIVE = 80;
const live = [];
const map = new Map();
const weak = new WeakMap();
const through = {
  array() {},
  map(number, page) {
    map.set(number, page);
    map.delete(number - LIVE);
  },
  cells(number, page) {
    map.set(number, { page });
    const cell = map.get(number - LIVE);
    if (cell !== undefined) cell.page = undefined;
    map.delete(number - LIVE);
  },
  weak(number, page) {
    const gone = live[number % LIVE];
    if (gone !== undefined) weak.delete(gone);
    weak.set(page, number);
  },
}[process.argv[2]];
let whole = 0;
let passed = 0;
const pass = () => {
  for (let times = 0; times < 5; times++, passed++) {
    const page = { bytes: Buffer.allocUnsafeSlow(200_000) };
    through(passed, page);
    live[passed % LIVE] = page;
  }
  if (passed === 2 * LIVE) {
    gc();
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole++;
    }).observe({ entryTypes: ["gc"] });
  }
  if (passed < 8_000) setImmediate(pass);
  else setTimeout(() => console.log(whole), 50);
};
pass();
JS
node=node_modules/.bin/node
array=$("$node" through.mjs array)
map=$("$node" through.mjs map)
cells=$("$node" through.mjs cells)
weak=$("$node" through.mjs weak)
echo "Node $("$node" --version): mark-compacts: array $array, Map $map, Map of emptied objects $cells, WeakMap $weak"
[ "$map" -gt 8 ] && [ "$array" -lt 6 ] && [ "$cells" -lt 6 ] && [ "$weak" -lt 6 ]
