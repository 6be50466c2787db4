#!/usr/bin/env bash
# Python 3.11.2 (Debian 12's python3.11-minimal 3.11.2-6+deb12u9), http.client, and with it urllib and requests; Perl's LWP 6.68 with Net::HTTP 6.22: of interim
# heads they pass over 100 alone. Any other, such as 103 Early Hints, is the response: status 103, without a body. RFC 9110 section 15.2 has a client read
# interim heads that it did not ask for; curl, Go, Ruby and Node.js do.
# Seen: http.client: 103, 0 bytes; urllib: HTTP Error 103: Early Hints; LWP: 103, 0 bytes
# What it means here: the edge passes interim heads on to HTTP/1.1, as RFC 9110 asks of a proxy. docs/operations.md says whom they harm.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in python3.11-minimal=3.11.2-6+deb12u9 libpython3.11-minimal=3.11.2-6+deb12u9 libpython3.11-stdlib=3.11.2-6+deb12u9 \
  libwww-perl=6.68-1 libnet-http-perl=6.22-1 libhttp-message-perl=6.44-1 liburi-perl=5.17-1 libhttp-date-perl=6.05-2 libtimedate-perl=2.3300-2 \
  libio-html-perl=1.004-3 liblwp-mediatypes-perl=6.04-2 libencode-locale-perl=1.05-3 libtry-tiny-perl=0.31-2 libclone-perl=0.46-1; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
PERL5LIB="$work/usr/share/perl5:$(dirname "$work"/usr/lib/*/perl5/*/Clone.pm)"
export PERL5LIB
cat >scene.py <<'PY'
import http.client, socket, subprocess, threading, time, urllib.error, urllib.request

web = socket.socket(); web.bind(("127.0.0.1", 0)); web.listen()
port = web.getsockname()[1]

def answer(c):
    while head := c.recv(65536):
        page = b"page of " + head.split(b" ")[1]
        c.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        time.sleep(0.2)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))

def serve():
    while True:
        c, _ = web.accept()
        threading.Thread(target=answer, args=(c,), daemon=True).start()

threading.Thread(target=serve, daemon=True).start()
client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
client.request("GET", "/"); response = client.getresponse()
told = "%d, %d bytes" % (response.status, len(response.read()))
try: url = "nothing raised: %d" % urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=5).status
except urllib.error.HTTPError as error: url = str(error)
perl = 'my $got = LWP::UserAgent->new(timeout => 5)->get("http://127.0.0.1:%d/"); print $got->code, ", ", length $got->content, " bytes"' % port
lwp = subprocess.run(["perl", "-MLWP::UserAgent", "-e", perl], capture_output=True, timeout=15).stdout.decode()
print("http.client: %s; urllib: %s; LWP: %s" % (told, url, lwp))
PY
seen=$(PYTHONHOME="$work/usr" "$work/usr/bin/python3.11" scene.py)
echo "$("$work/usr/bin/python3.11" --version), LWP $(perl -MLWP -e 'print LWP->VERSION'): $seen"
[ "$seen" = 'http.client: 103, 0 bytes; urllib: HTTP Error 103: Early Hints; LWP: 103, 0 bytes' ]
