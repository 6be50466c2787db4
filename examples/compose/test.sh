#!/bin/sh
# What the Dockerfile and compose.yaml do, without a container engine: the RUN step in a copy of this checkout, then CMD and HEALTHCHECK of both
# sides with the configs of this folder, as a user without rights where root runs it, and a web server. Ends with 0 if both health
# checks pass, fail once the edge is gone, and a page comes through. Needs Node.js 24 and npm.
#   examples/compose/test.sh [first of three free ports, 28080 without it]
set -eu
cd "$(dirname "$0")/../.."
first=${1:-28080}
work=$(mktemp -d)
chmod 755 "$work"
running=
trap 'kill $running 2>/dev/null || true; rm -rf "$work"' EXIT
file=examples/compose/Dockerfile

mkdir "$work/coilgun" "$work/etc" "$work/out"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$work/coilgun"
step=$(sed -n 's/^RUN //p' $file | sed "s|/tmp|$work|g; s|/out|$work/out|")
(cd "$work/coilgun" && sh -c "$step") >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }

# Names of compose.yaml's network are ports of this machine here.
{ echo "visitors: 127.0.0.1:$first"; echo "tunnel: 127.0.0.1:$((first + 1))"; cat examples/compose/edge.yaml; } |
  sed "s|/tmp/|$work/etc/|" >"$work/etc/edge.yaml"
sed "s|edge:7443|127.0.0.1:$((first + 1))|; s|web:80|127.0.0.1:$((first + 2))|; s|/tmp/|$work/etc/|" \
  examples/compose/origin.yaml >"$work/etc/origin.yaml"
export LINK_SECRET=cgk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8
export PATH="$work/out/bin:$PATH"
as=
[ "$(id -u)" -ne 0 ] || { as="setpriv --reuid=65534 --regid=65534 --clear-groups"; chown 65534 "$work/etc"; }

node -e "http.createServer((_, response) => response.end('page '.repeat(500))).listen($((first + 2)), '127.0.0.1')" &
running=$!
command=$(sed -n 's/^CMD \["sh", "-c", "\(.*\)"\]$/\1/p' $file)
health=$(sed -n 's/^HEALTHCHECK .* CMD //p' $file)
healthy() { SIDE=$1 COILGUN_CONFIG="$work/etc/$1.yaml" $as sh -c "$health"; }
for SIDE in edge origin; do
  export SIDE COILGUN_CONFIG="$work/etc/$SIDE.yaml"
  $as sh -c "$command" >"$work/$SIDE.log" 2>&1 &
  eval "$SIDE=$!"
  running="$running $!"
done
for side in edge origin; do
  tries=0
  until healthy $side >"$work/health.log" 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 60 ] || { cat "$work/health.log" "$work/$side.log"; exit 1; }
    sleep 1
  done
  echo "$side is healthy"
done
node -e "fetch('http://127.0.0.1:$first/', { headers: { Host: 'localhost' } }).then(async (response) => {
  if (response.status !== 200 || !(await response.text()).startsWith('page page')) throw new Error(String(response.status));
}).then(() => console.log('the page came through'))" || { cat "$work"/*.log; exit 1; }
# shellcheck disable=SC2154 # set by eval
kill "$edge"
wait "$edge" || true
if healthy edge >/dev/null 2>&1; then echo "an edge that is gone is called healthy"; exit 1; fi
echo "an edge that is gone is not healthy"
