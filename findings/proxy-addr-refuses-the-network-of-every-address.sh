#!/usr/bin/env bash
# proxy-addr 2.0.7 (npm), which Express uses for "trust proxy", takes networks with a prefix of 1 and more, but not the network of all
# addresses: 0.0.0.0/0 and ::/0 are an "invalid range". Node's own BlockList takes both.
# Seen: 0.0.0.0/0 refused, ::/0 refused, 128.0.0.0/1 taken; BlockList: 0.0.0.0/0 taken
# What it means here: trustedProxies is matched by BlockList (protocol/runtime/ip-address.ts), since "trust everybody" is what a machine behind a
# firewall may have to say.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund proxy-addr@2.0.7 >/dev/null
seen=$(node -e '
  const { compile } = require("proxy-addr");
  const { BlockList } = require("node:net");
  const says = (network) => { try { compile(network); return `${network} taken`; } catch (error) { return `${network} refused`; } };
  const list = new BlockList();
  list.addSubnet("0.0.0.0", 0, "ipv4");
  const own = list.check("192.0.2.1", "ipv4") ? "taken" : "refused";
  console.log(`${["0.0.0.0/0", "::/0", "128.0.0.0/1"].map(says).join(", ")}; BlockList: 0.0.0.0/0 ${own}`);
')
echo "proxy-addr 2.0.7: $seen"
[ "$seen" = "0.0.0.0/0 refused, ::/0 refused, 128.0.0.0/1 taken; BlockList: 0.0.0.0/0 taken" ]
