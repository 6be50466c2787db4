#!/usr/bin/env bash
# Go (Debian's golang-go 1.19.8), net/http's client, and with it Caddy's and other reverse proxies in Go: five interim heads (102, 103) before a response
# are read, the sixth is an error, "too many 1xx informational responses", and the response behind it is lost, however small these heads are and
# however long they took: of a web server that says 102 Processing every 10 seconds, a page that takes a minute never comes. RFC 9110 section 15.2 knows no bound.
# Seen: 5 interim heads: 200, 5 bytes; 6: net/http: HTTP/1.x transport connection broken: net/http: too many 1xx informational responses
# What it means here: interim heads go on as they come (SPEC section "Visitors"), so the sixth fails such a visitor, as without Coilgun. docs/operations.md says so.
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
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

func ask(interim int) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err.Error()
	}
	defer listener.Close()
	go func() {
		visitor, err := listener.Accept()
		if err != nil {
			return
		}
		defer visitor.Close()
		visitor.Read(make([]byte, 4096))
		io.WriteString(visitor, strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", interim))
		io.WriteString(visitor, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
		visitor.Read(make([]byte, 1))
	}()
	response, err := http.Get("http://" + listener.Addr().String() + "/")
	if err != nil {
		_, why, _ := strings.Cut(err.Error(), "/\": ")
		return why
	}
	defer response.Body.Close()
	page, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d, %d bytes", response.StatusCode, len(page))
}

func main() {
	fmt.Printf("5 interim heads: %s; 6: %s\n", ask(5), ask(6))
}
GO
seen=$(go run main.go)
echo "$(go version): $seen"
[ "$seen" = '5 interim heads: 200, 5 bytes; 6: net/http: HTTP/1.x transport connection broken: net/http: too many 1xx informational responses' ]
