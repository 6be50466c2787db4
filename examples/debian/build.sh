#!/bin/sh
# Builds coilgun_VERSION_all.deb in the current folder: the package of this checkout as npm installs it, with the units of
# examples/systemd. Needs npm and dpkg-deb. DEB_MAINTAINER says who answers for it, as "Name <mail>".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
umask 022

tarball=$(cd "$checkout" && npm pack --silent --pack-destination "$work" | tail -n 1)
npm install --silent --global --no-audit --no-fund --ignore-scripts --prefix "$root/usr" "$work/$tarball"
version=$(node -p "require('$root/usr/lib/node_modules/coilgun/package.json').version")

# Of other packages only what runs: no tests, no sources in other languages.
find "$root/usr/lib/node_modules/coilgun/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \
  -o -name '.npmignore' -o -name '.git*' -o -name '.eslintrc*' \) -prune -exec rm -r {} +

install -d "$root/usr/lib/systemd/system" "$root/usr/share/doc/coilgun" "$root/etc/coilgun" "$root/DEBIAN" \
  "$root/usr/share/bash-completion/completions" "$root/usr/share/lintian/overrides"
install -m 644 "$checkout"/examples/systemd/* "$root/usr/lib/systemd/system/"
for program in coilgun-edge coilgun-origin; do
  node "$root/usr/bin/$program" completion bash > "$root/usr/share/bash-completion/completions/$program"
done
install -m 644 "$here/copyright" "$root/usr/share/doc/coilgun/copyright"
printf 'coilgun (%s) unstable; urgency=medium\n\n  * See /usr/lib/node_modules/coilgun/CHANGELOG.md.\n\n -- %s  %s\n' \
  "$version" "${DEB_MAINTAINER:-nobody yet <root@localhost>}" "$(date -R)" | gzip -9n > "$root/usr/share/doc/coilgun/changelog.gz"

cat > "$root/DEBIAN/control" <<CONTROL
Package: coilgun
Version: $version
Architecture: all
Maintainer: ${DEB_MAINTAINER:-nobody yet <root@localhost>}
Depends: nodejs (>= 24)
Section: web
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Description: origin-link accelerator for pages that change all the time
 Two daemons, coilgun-edge near the visitors and coilgun-origin beside the web
 server, send dynamic pages over one link as binary deltas.
CONTROL
# Nothing starts by itself: there is no key yet. After an upgrade what runs is restarted.
cat > "$root/DEBIAN/postinst" <<'SCRIPT'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ -n "$2" ]; then systemctl try-restart coilgun-edge.service coilgun-origin.service; fi
fi
SCRIPT
cat > "$root/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl stop coilgun-edge.service coilgun-origin.service coilgun-edge-visitors.socket coilgun-edge-tunnel.socket
fi
SCRIPT
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"

dpkg-deb --root-owner-group --build "$root" "coilgun_${version}_all.deb"
