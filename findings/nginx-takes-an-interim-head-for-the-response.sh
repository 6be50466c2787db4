#!/usr/bin/env bash
# nginx 1.22.1 (Debian 12's nginx 1.22.1-9+deb12u11) as a proxy with `proxy_http_version 1.1`: an interim head of the web server, such as 103 Early Hints, counts
# as the response, and all that follows as its body, of which the end is the end of the connection: the visitor gets 103 with fields of nginx's, and the real
# head and page behind it. Over HTTP/2 they are DATA behind an interim head, which a client has to take for an error. RFC 9110 section 15.2 has clients read interim heads that they did not ask for; nginx passes 103 on from 1.29.0, where told to.
# Seen: without 103: 200; behind it: 103, then 200; over HTTP/2: status 103, then the client says PROTOCOL_ERROR
# What it means here: the edge passes interim heads on, so a site that sends them needs another proxy in front. docs/operations.md says so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in nginx=1.22.1-9+deb12u11 nghttp2-client=1.52.0-1+deb12u3; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
PATH="$work/usr/sbin:$work/usr/bin:$PATH"
cat >scene.py <<'PY'
import os, socket, subprocess, threading, time

def listener():
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); return s

def free():
    s = listener(); port = s.getsockname()[1]; s.close(); return port

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
web = listener()
kept = []

def serve():
    while True:
        c, _ = web.accept()
        head = c.recv(65536)
        c.sendall((b"" if b"/plain" in head else HINTS) + PAGE)
        if b"/closed" in head: time.sleep(0.2); c.close()
        else: kept.append(c)

threading.Thread(target=serve, daemon=True).start()
port, second = free(), free()
temporary = "".join("%s_temp_path %s/t; " % (of, os.getcwd()) for of in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
open("nginx.conf", "w").write("""daemon off; master_process off; pid %s/pid; error_log stderr; events {}
http { access_log off; %s server { listen 127.0.0.1:%d; listen 127.0.0.1:%d http2; location / {
  proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_set_header Connection ""; } } }""" % (os.getcwd(), temporary, port, second, web.getsockname()[1]))
nginx = subprocess.Popen(["nginx", "-e", "stderr", "-p", os.getcwd(), "-c", os.path.abspath("nginx.conf")], stderr=subprocess.DEVNULL)

def ask(path):
    for _ in range(100):
        try: c = socket.create_connection(("127.0.0.1", port)); break
        except ConnectionRefusedError: time.sleep(0.1)
    c.settimeout(1.5); c.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    got = b""
    try:
        while piece := c.recv(65536): got += piece
    except (socket.timeout, TimeoutError): pass
    return [line.split(b" ")[1].decode() for line in got.replace(b"hello", b"").split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]

def said(statuses): return ", then ".join(statuses) if statuses else "nothing"

try:
    plain, closed = ask(b"/plain"), ask(b"/closed")
    two = subprocess.run(["nghttp", "-v", "http://127.0.0.1:%d/closed" % second], capture_output=True, timeout=10).stdout.decode()
    status = two.split(":status: ")[1].split()[0]
    ended = "PROTOCOL_ERROR" if "PROTOCOL_ERROR" in two else "?"
    print("without 103: %s; behind it: %s; over HTTP/2: status %s, then the client says %s" % (said(plain), said(closed), status, ended))
finally:
    nginx.terminate(); nginx.wait()
PY
seen=$(python3 scene.py)
echo "$(nginx -v 2>&1): $seen"
[ "$seen" = 'without 103: 200; behind it: 103, then 200; over HTTP/2: status 103, then the client says PROTOCOL_ERROR' ]
