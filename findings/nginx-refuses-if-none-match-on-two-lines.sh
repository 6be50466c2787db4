#!/usr/bin/env bash
# nginx 1.22.1 (Debian 12's nginx 1.22.1-9+deb12u11): If-None-Match is a list, and a field that is a list may come on several lines, which mean the same as one with commas (RFC
# 9110 sections 5.3 and 13.1.2). On one line nginx compares each tag of it; on two it answers 400 Bad Request, as it does for two lines of
# If-Match. Apache 2.4 and BusyBox' httpd answer 304.
# Seen: one line: 304; two lines: 400; If-Match on one line: 200; on two: 400
# What it means here: conditions go to web servers as the visitor sent them, line by line; tags that were weakened are put back within their line.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in nginx=1.22.1-9+deb12u11; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
PATH="$work/usr/sbin:$PATH"
mkdir site && echo page >site/page.txt && chmod 755 "$work"
cat >scene.py <<'PY'
import os, re, socket, subprocess, time

free = socket.socket(); free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]; free.close()
temporary = "".join("%s_temp_path %s/t; " % (of, os.getcwd()) for of in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
open("nginx.conf", "w").write("""daemon off; master_process off; pid %s/pid; error_log stderr; events {}
http { access_log off; %s server { listen 127.0.0.1:%d; root %s/site; } }""" % (os.getcwd(), temporary, port, os.getcwd()))
nginx = subprocess.Popen(["nginx", "-e", "stderr", "-p", os.getcwd(), "-c", os.path.abspath("nginx.conf")], stderr=subprocess.DEVNULL)

def ask(fields):
    for _ in range(100):
        try: c = socket.create_connection(("127.0.0.1", port)); break
        except ConnectionRefusedError: time.sleep(0.1)
    c.settimeout(5)
    c.sendall(b"GET /page.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n" % fields)
    got = b""
    while piece := c.recv(65536): got += piece
    return got

try:
    tag = re.search(rb"ETag: ([^\r]*)", ask(b"")).group(1)
    said = [ask(fields)[9:12].decode() for fields in (
        b'If-None-Match: "other", %s\r\n' % tag,
        b'If-None-Match: "other"\r\nIf-None-Match: %s\r\n' % tag,
        b'If-Match: "other", %s\r\n' % tag,
        b'If-Match: "other"\r\nIf-Match: %s\r\n' % tag)]
    print("one line: %s; two lines: %s; If-Match on one line: %s; on two: %s" % tuple(said))
finally:
    nginx.terminate(); nginx.wait()
PY
seen=$(python3 scene.py)
echo "$(nginx -v 2>&1): $seen"
[ "$seen" = 'one line: 304; two lines: 400; If-Match on one line: 200; on two: 400' ]
