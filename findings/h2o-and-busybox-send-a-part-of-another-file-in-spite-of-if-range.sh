#!/usr/bin/env bash
# h2o 2.2.5 and BusyBox 1.35.0's httpd (Debian 12's h2o 2.2.5+dfsg2-7, busybox-static 1:1.35.0-4+deb12u1+b1): files have ETag, Last-Modified and ranges, and
# `If-Range` is not heeded. A download that goes on after its file was replaced, and says with the tag of which file it has the first half, gets the second half of the
# other one as 206: half and half, of the right length. RFC 9110 section 13.1.5 wants the whole new file. BusyBox also sends the file behind the head
# of an answer to HEAD.
# Seen: h2o: If-Range of the file before: 206, 50 bytes; HEAD: 0 bytes; BusyBox: If-Range of the file before: 206, 50 bytes; HEAD: 100 bytes
# What it means here: ranges, tags and conditions go on as they came, so such a download is as wrong as without Coilgun; what follows a HEAD never meets the next request.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in h2o=2.2.5+dfsg2-7 libyaml-0-2=0.2.5-1 busybox-static=1:1.35.0-4+deb12u1+b1; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$work"/usr/lib/*/libyaml-0.so.2)
export LD_LIBRARY_PATH
mkdir site
cat >scene.py <<'PY'
import os, re, socket, subprocess, time

def free():
    s = socket.socket(); s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]; s.close(); return port

def write(letter, second):
    with open("site/next", "w") as file: file.write(letter * 100)
    os.utime("site/next", (second, second))
    os.rename("site/next", "site/page.txt")

def ask(port, method, fields=b""):
    for _ in range(100):
        try: c = socket.create_connection(("127.0.0.1", port)); break
        except ConnectionRefusedError: time.sleep(0.1)
    c.settimeout(5)
    c.sendall(b"%s /page.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n" % (method, fields))
    got = b""
    while piece := c.recv(65536): got += piece
    return got.partition(b"\r\n\r\n")

def seen(command, port):
    write("a", 1_700_000_000)
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        head, _, _ = ask(port, b"GET")
        tag = re.search(rb"(?i)etag: ([^\r]*)", head).group(1)
        write("b", 1_700_086_400)
        time.sleep(2)
        new, _, _ = ask(port, b"GET")
        if tag in new: raise ValueError("the tag is the same")
        head, _, body = ask(port, b"GET", b"Range: bytes=50-\r\nIf-Range: %s\r\n" % tag)
        _, _, sent = ask(port, b"HEAD")
        return "If-Range of the file before: %s, %d bytes; HEAD: %d bytes" % (head[9:12].decode(), len(body), len(sent))
    finally:
        server.terminate(); server.wait()

port = free()
open("h2o.conf", "w").write("listen: {host: 127.0.0.1, port: %d}\nhosts: {default: {paths: {/: {file.dir: %s}}}}\n" % (port, os.path.abspath("site"))
    + ("user: root\n" if os.getuid() == 0 else ""))
h2o = seen(["usr/bin/h2o", "-c", "h2o.conf"], port)
port = free()
busybox = seen(["bin/busybox", "httpd", "-f", "-p", "127.0.0.1:%d" % port, "-h", "site"], port)
print("h2o: %s; BusyBox: %s" % (h2o, busybox))
PY
seen=$(python3 scene.py)
echo "$seen"
[ "$seen" = 'h2o: If-Range of the file before: 206, 50 bytes; HEAD: 0 bytes; BusyBox: If-Range of the file before: 206, 50 bytes; HEAD: 100 bytes' ]
