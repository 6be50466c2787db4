#!/usr/bin/env bash
# Node.js 24.21.0 (libuv 1.52.1): forty connections are made while a program is busy, and wait in the queue of its port. It accepts them one by one: one in each
# turn of the event loop, with whatever else that turn has to do between, and not all that wait at once. Whoever closes the port a turn later resets all but
# a few of them, though their visitors' connect has succeeded.
# Seen: 40 accepted, at most 1 a turn; closed after 3 turns: 3 accepted, 37 reset
# What it means here: an edge that stops accepts until a short turn brought nobody (edge-side/http/connections/accept-queue.ts).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --foreground-scripts node@24.21.0 >/dev/null 2>&1
cat >clients.mjs <<'JS'
import { connect } from "node:net";
const count = 40;
let open = 0;
let reset = 0;
let ended = 0;
const done = () => {
  if (++ended < count) return;
  process.send({ reset });
  process.disconnect();
};
for (let i = 0; i < count; i++) {
  const socket = connect(Number(process.argv[2]), "127.0.0.1");
  socket.on("connect", () => {
    if (++open === count) process.send("open");
  });
  socket.on("error", ({ code }) => {
    if (code === "ECONNRESET") reset++;
  });
  socket.on("close", done).resume();
}
JS
cat >server.mjs <<'JS'
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

/** Connections of 40 that were accepted, the most in a turn, and how many were reset. */
const run = async (turnsUntilClosed) => {
  let accepted = 0;
  const sockets = [];
  const server = createServer((socket) => {
    accepted++;
    sockets.push(socket.on("error", () => {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const child = fork("clients.mjs", [String(server.address().port)]);
  const ended = new Promise((resolve) => child.on("message", (told) => told !== "open" && resolve(told)));
  // Busy until the system has made all of them: those that have no request yet, by /proc.
  const port = server.address().port.toString(16).toUpperCase().padStart(4, "0");
  const stop = Date.now() + 20_000;
  const made = () =>
    readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .filter((line) => line.includes(`0100007F:${port} 0100007F:`) && / 01 /.test(line)).length;
  while (made() < 40 && Date.now() < stop);
  let most = 0;
  await turn();
  for (let turns = 0; turns < turnsUntilClosed && accepted < 40; turns++) {
    const before = accepted;
    await turn();
    most = Math.max(most, accepted - before);
  }
  server.close();
  const got = accepted;
  for (const socket of sockets) socket.end();
  const { reset } = await ended;
  return { accepted: got, most, reset };
};

const patient = await run(10_000);
const hasty = await run(3);
console.log(`${patient.accepted} accepted, at most ${patient.most} a turn; closed after 3 turns: ${hasty.accepted} accepted, ${hasty.reset} reset`);
process.exit(patient.accepted === 40 && patient.most === 1 && hasty.accepted < 10 && hasty.reset > 30 ? 0 : 1);
JS
node_modules/.bin/node server.mjs
