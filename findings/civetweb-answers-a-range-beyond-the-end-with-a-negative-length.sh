#!/usr/bin/env bash
# CivetWeb 1.15 (Debian 12's civetweb 1.15+dfsg-4): a range that begins beyond the end of a file is no 416, but 206 with a negative Content-Length and a
# Content-Range whose last byte lies before its first. A range from the end (bytes=-5) is answered with the whole file.
# Seen: beyond the end: 206, Content-Length -80, Content-Range bytes 100-19/20; the last five: 200, 20 bytes
# What it means here: a Content-Length that is not one number is 502 (protocol/upstream/lenient), so such a range is refused in place of being misread.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in civetweb=1.15+dfsg-4 libcivetweb1=1.15+dfsg-4; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
PATH="$work/usr/bin:$PATH"
LD_LIBRARY_PATH=$(dirname "$work"/usr/lib/*/libcivetweb.so.1)
export LD_LIBRARY_PATH
mkdir site && printf '01234567890123456789' >site/page.txt
cat >scene.py <<'PY'
import os, re, socket, subprocess, time

free = socket.socket(); free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]; free.close()
server = subprocess.Popen(["civetweb", "-listening_ports", "127.0.0.1:%d" % port, "-document_root", os.path.abspath("site")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def ask(wanted):
    for _ in range(100):
        try: c = socket.create_connection(("127.0.0.1", port)); break
        except ConnectionRefusedError: time.sleep(0.1)
    c.settimeout(5)
    c.sendall(b"GET /page.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=%s\r\nConnection: close\r\n\r\n" % wanted)
    got = b""
    while piece := c.recv(65536): got += piece
    return got.partition(b"\r\n\r\n")

def field(head, name):
    found = re.search(name + rb": ([^\r]*)", head)
    return found.group(1).decode() if found else "none"

try:
    head, _, _ = ask(b"100-")
    beyond = "%s, Content-Length %s, Content-Range %s" % (head[9:12].decode(), field(head, b"Content-Length"), field(head, b"Content-Range"))
    head, _, body = ask(b"-5")
    print("beyond the end: %s; the last five: %s, %d bytes" % (beyond, head[9:12].decode(), len(body)))
finally:
    server.terminate(); server.wait()
PY
seen=$(python3 scene.py)
echo "CivetWeb 1.15: $seen"
[ "$seen" = 'beyond the end: 206, Content-Length -80, Content-Range bytes 100-19/20; the last five: 200, 20 bytes' ]
