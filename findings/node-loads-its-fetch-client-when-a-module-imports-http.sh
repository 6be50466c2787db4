#!/usr/bin/env bash
# Node.js 24.21.0: a module (ESM) that imports anything of node:http loads undici, Node's client for fetch and WebSocket, at once: the
# exports of node:http are read one by one to be offered by name, and some of them are getters that load it. require("node:http") and
# process.getBuiltinModule("node:http") do not, nor does an import with Node.js 20.20.2. It is some 6 % of what a small HTTP program takes to start.
# Seen, whether undici was loaded: 24.21.0: import yes, getBuiltinModule no, require no; 20.20.2: no, no, no
# What it means here: nothing to do but to know it, where the start of a program is measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
loaded='console.log(process.moduleLoadList.some((name) => name.endsWith("internal/deps/undici/undici")) ? "yes" : "no", typeof METHODS)'
echo "import { METHODS } from 'node:http'; $loaded" >import.mjs
echo "const { METHODS } = process.getBuiltinModule('node:http'); $loaded" >builtin.mjs
echo "const { METHODS } = require('node:http'); $loaded" >require.cjs
for version in 24.21.0 20.20.2; do
  [ "$version" = 24.21.0 ] && expected=yes || expected=no
  mkdir "$version"
  (cd "$version" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund --foreground-scripts "node@$version" >/dev/null 2>&1)
  node="$version/node_modules/.bin/node"
  imported=$("$node" import.mjs)
  built_in=$("$node" builtin.mjs)
  required=$("$node" require.cjs)
  echo "Node $("$node" --version): import $imported, getBuiltinModule $built_in, require $required"
  [ "$imported" = "$expected object" ] && [ "$built_in" = "no object" ] && [ "$required" = "no object" ]
done
