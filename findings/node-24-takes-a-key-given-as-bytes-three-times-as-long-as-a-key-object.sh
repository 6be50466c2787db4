#!/usr/bin/env bash
# Node.js 24.21.0: createHmac and createCipheriv take three to four times the CPU for a key given as bytes that they take for the same key as a
# key object (createSecretKey), on each call; with Node.js 20.20.2 there is no difference. For 64 bytes of data the key costs
# more than the work.
# Seen, us of CPU a call, the best of five: 24.21.0: HMAC 11.8 (bytes) and 2.7 (object), AES-256-GCM 14.2 and 4.1; 20.20.2: 3.1 and 3.1, 6.0 and 5.1
# What it means here: keys of the tiers below the store are key objects (protocol/tier/store-key.ts).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >keys.mjs <<'JS'
import { createCipheriv, createHmac, createSecretKey, randomBytes } from "node:crypto";
const [bytes, data, iv] = [randomBytes(32), randomBytes(64), randomBytes(12)];
const object = createSecretKey(bytes);
const hmac = (key) => createHmac("sha256", key).update(data).digest();
const gcm = (key) => {
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.update(data);
  cipher.final();
  return cipher.getAuthTag();
};
const CALLS = 10_000;
const cost = (work) => {
  const before = process.cpuUsage();
  for (let n = 0; n < CALLS; n++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
};
const best = (work) => Math.min(...Array.from({ length: 5 }, () => cost(work)));
const figures = [() => hmac(bytes), () => hmac(object), () => gcm(bytes), () => gcm(object)].map(best);
console.log(figures.map((us) => us.toFixed(2)).join(" "));
JS
judge() { # RATIO_AT_LEAST RATIO_AT_MOST A B
  node -e 'const [least, most, a, b] = process.argv.slice(1).map(Number); process.exit(a / b >= least && a / b <= most ? 0 : 1)' "$@"
}
for version in 24.21.0 20.20.2; do
  mkdir "$version"
  (cd "$version" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund --foreground-scripts "node@$version" >/dev/null 2>&1)
  read -r hmac_bytes hmac_object gcm_bytes gcm_object < <("$version/node_modules/.bin/node" keys.mjs)
  echo "Node $version: HMAC $hmac_bytes us with bytes, $hmac_object with an object; AES-256-GCM $gcm_bytes and $gcm_object"
  if [ "$version" = 24.21.0 ]; then
    judge 1.8 100 "$hmac_bytes" "$hmac_object"
    judge 1.8 100 "$gcm_bytes" "$gcm_object"
  else
    judge 0 1.6 "$hmac_bytes" "$hmac_object"
    judge 0 1.6 "$gcm_bytes" "$gcm_object"
  fi
done
