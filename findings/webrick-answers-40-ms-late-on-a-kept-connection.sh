#!/usr/bin/env bash
# WEBrick 1.8.1 (Debian 12's ruby-webrick 1.8.1-1) on Linux: on a kept connection each answer takes 40 ms and more, on a new one for each request some milliseconds. It writes
# head and body apart, without TCP_NODELAY: the body waits until the client's system has acknowledged the head, which that puts off for 40 ms once a
# connection is no longer new. So what keeps connections, to be quicker, makes it ten times slower; Java 17's
# com.sun.net.httpserver does the same.
# Seen, medians of 15: a connection for each request 0.9 ms, one kept 44.1 ms
# What it means here: a route whose web server is a WEBrick is quicker with `rest: 0ms` (docs/operations.md).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in ruby-webrick=1.8.1-1; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
RUBYLIB=$(dirname "$(find "$work/usr" -name webrick.rb)")
export RUBYLIB
cat >server.rb <<'RB'
require "webrick"
raise "another one: #{WEBrick::VERSION}" unless WEBrick::VERSION == "1.8.1"
quiet = WEBrick::Log.new(File::NULL)
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: 0, Logger: quiet, AccessLog: [])
server.mount_proc("/") { |_, response| response.body = "hello" }
$stdout.puts server.listeners.first.addr[1]
$stdout.flush
trap("TERM") { server.shutdown }
server.start
RB
cat >scene.py <<'PY'
import socket, statistics, subprocess, time

server = subprocess.Popen(["ruby", "server.rb"], stdout=subprocess.PIPE)
port = int(server.stdout.readline())

def ask(c):
    c.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    got = b""
    while not got.endswith(b"hello"):
        piece = c.recv(65536)
        if not piece: raise EOFError(got)
        got += piece

def took(times):
    took = []
    for _ in range(times):
        began = time.monotonic()
        yield
        took.append((time.monotonic() - began) * 1000)
    print("%.1f" % statistics.median(took))

try:
    for _ in took(15):
        with socket.create_connection(("127.0.0.1", port), 5) as c: ask(c)
    with socket.create_connection(("127.0.0.1", port), 5) as c:
        for _ in took(15): ask(c)
finally:
    server.terminate(); server.wait()
PY
read -r new kept < <(timeout 40 python3 scene.py | xargs)
echo "WEBrick 1.8.1, ms: a connection for each request $new, one kept $kept"
node -e 'const [fresh, kept] = process.argv.slice(1).map(Number); process.exit(kept > 35 && kept > 3 * fresh ? 0 : 1)' "$new" "$kept"
