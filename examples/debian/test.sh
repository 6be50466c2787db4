#!/bin/sh
# Installs the package that is named into a root folder of its own with dpkg, and runs what it installed there. Needs root.
# Nothing of this machine changes: dpkg has its own database there, and its scripts find no systemd.
set -eu
deb=$(realpath "$1")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers"
: > "$root/var/lib/dpkg/status"
# Its scripts run in the folder by chroot: the shell and this machine's libraries are copied in.
for file in /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*'); do install -D "$(realpath "$file")" "$root$file"; done
dpkg --root="$root" --force-depends --force-script-chrootless --install "$deb"
dpkg --root="$root" --verify coilgun
edge=$root/usr/bin/coilgun-edge
node "$edge" -V
(cd "$root/etc/coilgun" && node "$edge" pair --host www.example.com --edge edge.example.com > /dev/null && node "$edge" settings --json > /dev/null)
for unit in coilgun-edge.service coilgun-origin.service; do test -f "$root/usr/lib/systemd/system/$unit"; done
rm "$root"/etc/coilgun/*
dpkg --root="$root" --force-script-chrootless --purge coilgun
test ! -e "$edge"
echo "installed, ran and removed"
