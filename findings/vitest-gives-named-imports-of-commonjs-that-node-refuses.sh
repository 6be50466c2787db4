#!/usr/bin/env bash
# vitest 5.1.1 loads a module that imports a name from a CommonJS package (ipaddr.js 2.5.0) and finds it at run time; Node.js 24.21.0 refuses to
# link the same module, since its reading of the package's text does not find that name. So unit tests pass for a program that cannot start.
# Seen: node: SyntaxError: Named export 'parse' not found. vitest: 1 passed
# What it means here: every module is also loaded by plain Node in a test that starts the real programs (test/*/main.system.test.ts).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm pkg set type=module >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 vitest@5.1.1 ipaddr.js@2.5.0 >/dev/null 2>&1
cat >address.mjs <<'JS'
import { parse } from "ipaddr.js";
export const kind = parse("192.0.2.1").kind();
JS
cat >address.test.mjs <<'JS'
import { expect, it } from "vitest";
import { kind } from "./address.mjs";
it("reads an address", () => expect(kind).toBe("ipv4"));
JS
export PATH="$work/node_modules/.bin:$PATH"
said=$(node address.mjs 2>&1 || true)
plain=$(grep -o "SyntaxError: Named export 'parse' not found" <<<"$said" || echo "no such error")
tested=$(NO_COLOR=1 vitest run 2>/dev/null | grep -o '1 passed' | head -n 1 || echo "failed")
echo "node $(node --version): $plain; vitest 5.1.1: $tested"
[ "$plain" = "SyntaxError: Named export 'parse' not found" ] && [ "$tested" = "1 passed" ]
