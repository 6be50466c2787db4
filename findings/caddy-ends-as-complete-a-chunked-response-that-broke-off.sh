#!/usr/bin/env bash
# Caddy 2.6.2 (Debian 12's caddy 2.6.2-5), reverse_proxy with settings as they are: where the web server breaks off a chunked response, the visitor gets what came, a last
# chunk, and over HTTP/1.1 a connection that stays open for the next request: a whole page, as far as anybody can see. Caddy's own log says "aborting with
# incomplete response". With a Content-Length the visitor sees that bytes are missing.
# Seen: chunked, broken off: 200, the last chunk is there, connection kept; with a length, broken off: 200, 5 of 5000 bytes
# What it means here: a page that breaks off is visibly cut by the edge, and whole again behind this Caddy. docs/operations.md says so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in caddy=2.6.2-5; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
PATH="$work/usr/bin:$PATH"
cat >scene.py <<'PY'
import os, re, socket, subprocess, threading, time

def listener():
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); return s

BODIES = {b"/chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"/length": b"Content-Length: 5000\r\n\r\nhello"}
web = listener()

def serve():
    while True:
        c, _ = web.accept()
        head = c.recv(65536)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + BODIES[head.split(b" ")[1]])
        time.sleep(0.2); c.close()

threading.Thread(target=serve, daemon=True).start()
free = listener(); port = free.getsockname()[1]; free.close()
open("Caddyfile", "w").write("{\n admin off\n auto_https off\n}\nhttp://:%d {\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:%d\n}\n" % (port, web.getsockname()[1]))
caddy = subprocess.Popen(["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"], stderr=subprocess.DEVNULL, env={**os.environ, "HOME": os.getcwd()})

def ask(path):
    for _ in range(100):
        try: c = socket.create_connection(("127.0.0.1", port)); break
        except ConnectionRefusedError: time.sleep(0.1)
    c.settimeout(1.5); c.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    got, kept = b"", False
    try:
        while True:
            piece = c.recv(65536)
            if not piece: break
            got += piece
    except (socket.timeout, TimeoutError): kept = True
    except ConnectionResetError: pass
    return got, kept

try:
    got, kept = ask(b"/chunked")
    last = "is there" if got.endswith(b"\r\n0\r\n\r\n") else "is missing"
    first = "%s, the last chunk %s, connection %s" % (got[9:12].decode(), last, "kept" if kept else "closed")
    got, _ = ask(b"/length")
    head, _, body = got.partition(b"\r\n\r\n")
    said = re.search(rb"Content-Length: (\d+)", head)
    second = "%s, %d of %s bytes" % (got[9:12].decode(), len(body), said.group(1).decode() if said else "?")
    print("chunked, broken off: %s; with a length, broken off: %s" % (first, second))
finally:
    caddy.terminate(); caddy.wait()
PY
seen=$(python3 scene.py)
echo "Caddy $(caddy version): $seen"
[ "$seen" = 'chunked, broken off: 200, the last chunk is there, connection kept; with a length, broken off: 200, 5 of 5000 bytes' ]
