#!/usr/bin/env bash
# Go (Debian's golang-go 1.19.8), net/http's FileServer, and Caddy's file_server with it: a range in another unit than bytes is 416, where RFC 9110 section 14.2 has a server pass
# over what it does not know and send the page. `Bytes=0-4` is 416 too, though units are the same in any letters (section 14.1). The last 0 bytes, which cannot be satisfied, are
# 206 with a Content-Range whose last byte lies before its first.
# Seen: bytes=0-4: 206 bytes 0-4/20; items=0-4: 416 none; Bytes=0-4: 416 none; bytes=-0: 206 bytes 20-19/20
# What it means here: Range goes to the web server as it came and its answer back; a 206 is no version (SPEC section "Visitors").
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
mkdir site && printf '01234567890123456789' >site/page.txt
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
)

func main() {
	files := http.FileServer(http.Dir("site"))
	var told []string
	for _, wanted := range []string{"bytes=0-4", "items=0-4", "Bytes=0-4", "bytes=-0"} {
		request := httptest.NewRequest("GET", "/page.txt", nil)
		request.Header.Set("Range", wanted)
		response := httptest.NewRecorder()
		files.ServeHTTP(response, request)
		which := response.Header().Get("Content-Range")
		if which == "" {
			which = "none"
		}
		told = append(told, fmt.Sprintf("%s: %d %s", wanted, response.Code, which))
	}
	fmt.Println(strings.Join(told, "; "))
}
GO
seen=$(go run main.go)
echo "$(go version): $seen"
[ "$seen" = 'bytes=0-4: 206 bytes 0-4/20; items=0-4: 416 none; Bytes=0-4: 416 none; bytes=-0: 206 bytes 20-19/20' ]
