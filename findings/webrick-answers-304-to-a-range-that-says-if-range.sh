#!/usr/bin/env bash
# WEBrick 1.8.1 (Debian 12's ruby-webrick 1.8.1-1), files of DocumentRoot: a download that goes on says which file it has a part of (`Range` and `If-Range`, with the date
# or the tag that came with it). WEBrick takes the field for a condition of a cache: where the file is still the same the answer is 304 without a body, which the
# client has no page for; where it is another by now, a part of the new one, 206, to be put behind the part of the old. It should be 206 for the same file,
# and the whole of another (RFC 9110 section 13.1.5).
# Seen: the same file: 304, 0 bytes by date, 304, 0 bytes by tag; another file: 206, 50 bytes by date, 206, 50 bytes by tag
# What it means here: conditions and ranges go to web servers as they came, and their answers back; the edge answers none by itself (SPEC section "Visitors").
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
mkdir site && head -c 100 /dev/zero | tr '\0' a >site/page.txt && touch -d 2023-11-14T22:13:20Z site/page.txt
cat >scene.rb <<'RB'
require "socket"
require "webrick"
raise "another one: #{WEBrick::VERSION}" unless WEBrick::VERSION == "1.8.1"
quiet = WEBrick::Log.new(File::NULL)
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: 0, DocumentRoot: "site", Logger: quiet, AccessLog: [])
port = server.listeners.first.addr[1]
thread = Thread.new { server.start }
ask = lambda do |fields|
  TCPSocket.open("127.0.0.1", port) do |c|
    c.write("GET /page.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n#{fields}\r\n")
    c.read.split("\r\n\r\n", 2)
  end
end
tag = ask.call("").first[/^etag: ([^\r]*)/i, 1]
range = lambda do |which|
  head, body = ask.call("Range: bytes=50-\r\nIf-Range: #{which}\r\n")
  "#{head[9, 3]}, #{body.to_s.bytesize} bytes"
end
same = "#{range.call('Tue, 14 Nov 2023 22:13:20 GMT')} by date, #{range.call(tag)} by tag"
other = "#{range.call('Mon, 13 Nov 2023 22:13:20 GMT')} by date, #{range.call('"another"')} by tag"
puts "the same file: #{same}; another file: #{other}"
server.shutdown
thread.join
RB
seen=$(timeout 30 ruby scene.rb)
echo "WEBrick 1.8.1: $seen"
[ "$seen" = 'the same file: 304, 0 bytes by date, 304, 0 bytes by tag; another file: 206, 50 bytes by date, 206, 50 bytes by tag' ]
