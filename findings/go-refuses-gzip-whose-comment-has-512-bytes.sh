#!/usr/bin/env bash
# Go (Debian's golang-go 1.19.8), compress/gzip: a name or a comment in the header of a gzip stream may have 511 bytes; with one more the stream is
# "gzip: invalid header". RFC 1952 has no bound, zlib reads any. An extra field is read up to its 65,535 bytes. net/http's client, which asks for gzip by itself,
# gives such a body as an error behind a response of 200; Caddy as a proxy ends it as an empty page.
# Seen: comment of 511 bytes: 4 bytes; of 512: gzip: invalid header; extra field of 60000: 4 bytes
# What it means here: edge-side/compress/padded-gzip pads by an extra field. It was a comment.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in golang-1.19-go=1.19.8-2 golang-1.19-src=1.19.8-2; do
  apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null
done
for package in ./*.deb; do dpkg -x "$package" .; done
export GOROOT="$work/usr/lib/go-1.19" GOCACHE="$work/cache" GO111MODULE=off CGO_ENABLED=0
PATH="$GOROOT/bin:$PATH"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

func read(stream []byte) string {
	r, err := gzip.NewReader(bytes.NewReader(stream))
	if err != nil {
		return err.Error()
	}
	page, err := io.ReadAll(r)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d bytes", len(page))
}

func main() {
	var plain bytes.Buffer
	w := gzip.NewWriter(&plain)
	w.Write([]byte("page"))
	w.Close()
	with := func(flag byte, field []byte) []byte {
		head := append([]byte{}, plain.Bytes()[:10]...)
		head[3] |= flag
		return append(append(head, field...), plain.Bytes()[10:]...)
	}
	comment := func(n int) []byte { return append(bytes.Repeat([]byte("0"), n), 0) }
	extra := append([]byte{60000 & 255, 60000 >> 8}, bytes.Repeat([]byte("0"), 60000)...)
	fmt.Printf("comment of 511 bytes: %s; of 512: %s; extra field of 60000: %s\n",
		read(with(16, comment(511))), read(with(16, comment(512))), read(with(4, extra)))
}
GO
seen=$(go run main.go)
echo "$(go version): $seen"
[ "$seen" = 'comment of 511 bytes: 4 bytes; of 512: gzip: invalid header; extra field of 60000: 4 bytes' ]
