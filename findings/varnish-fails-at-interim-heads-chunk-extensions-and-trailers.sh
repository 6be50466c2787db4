#!/usr/bin/env bash
# Varnish 7.1.1 (Debian 12's varnish 7.1.1-2+deb12u1, which compiles its settings by the machine's gcc): three things that every recipient of HTTP/1.1 has to read or pass
# over. An interim head of the web server (102, 103) makes a visitor's response 503. A chunk extension, or trailers behind the last chunk,
# which nobody asked to be without, cut the page off: 200, then the connection ends without the last chunk. RFC 9110 section 15.2, RFC 9112 sections 7.1.1 and 7.1.2.
# Seen: plain chunks: 200, whole; behind 103: 503, whole; chunk extension: 200, cut; trailers: 200, cut
# What it means here: the edge sends no extensions, and trailers only with `TE: trailers`, which Varnish does not say; that it passes 103 on is in docs/operations.md.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 libjemalloc2=5.3.0-1; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
PATH="$work/usr/sbin:$PATH"
LD_LIBRARY_PATH=$(dirname "$work"/usr/lib/*/libjemalloc.so.2)
export LD_LIBRARY_PATH
cat >scene.py <<'PY'
import os, socket, subprocess, threading, time

def listener():
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); return s

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
ANSWERS = {
    "plain chunks": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    "behind 103": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    "chunk extension": CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "trailers": CHUNKED.replace(b"\r\n\r\n", b"\r\nTrailer: X-Sum\r\n\r\n") + b"5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n",
}
NAMES = list(ANSWERS)
web = listener()
kept = []

def serve():
    while True:
        c, _ = web.accept(); kept.append(c)
        threading.Thread(target=answer, args=(c,), daemon=True).start()

def answer(c):
    while head := c.recv(65536): c.sendall(ANSWERS[NAMES[int(head[5:6])]])

threading.Thread(target=serve, daemon=True).start()
free = listener(); port = free.getsockname()[1]; free.close()
place = os.path.abspath("state")
varnish = subprocess.Popen(
    ["varnishd", "-F", "-j", "none", "-n", place, "-a", "127.0.0.1:%d" % port, "-b", "127.0.0.1:%d" % web.getsockname()[1], "-s", "malloc,20m"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def ask(number):
    for _ in range(200):
        try: c = socket.create_connection(("127.0.0.1", port)); break
        except ConnectionRefusedError: time.sleep(0.1)
    c.settimeout(1); c.sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
    got, ended = b"", False
    try:
        while piece := c.recv(65536): got += piece
        ended = True
    except (socket.timeout, TimeoutError): pass
    except ConnectionResetError: ended = True
    head, _, body = got.partition(b"\r\n\r\n")
    whole = body.endswith(b"0\r\n\r\n") if b"chunked" in head else b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
    return "%s, %s" % (head[9:12].decode(), "cut" if ended and not whole else "whole" if whole else "?")

try:
    print("; ".join("%s: %s" % (name, ask(number)) for number, name in enumerate(NAMES)))
finally:
    varnish.terminate(); varnish.wait()
PY
seen=$(python3 scene.py)
echo "$(varnishd -V 2>&1 | head -n 1): $seen"
[ "$seen" = 'plain chunks: 200, whole; behind 103: 503, whole; chunk extension: 200, cut; trailers: 200, cut' ]
