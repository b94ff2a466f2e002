#!/usr/bin/env bash
# Installs the Debian package in a new root, starts it as its unit does, and signs in with a passkey; then the same with the image.
# It needs root, and the files that scripts/package.sh makes. The names of the suites that passed are printed.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=${CARGO_TARGET_DIR:-$PWD/target}/packages
deb=$(ls "$packages"/*.deb)
image=$packages/passkeyd-image.tar
work=$(mktemp -d)
server=
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    [[ -z $server ]] || wait "$server" 2>/dev/null || true
    for root in debian image; do
        umount "$work/$root/proc" 2>/dev/null || true
        umount "$work/$root/dev" 2>/dev/null || true
    done
    rm -rf --one-file-system "$work"
}
trap finish EXIT

die() {
    echo "test-install.sh: $*" >&2
    exit 1
}

# sign_in ROOT USER PORT PROGRAM...: starts the program in the root as the user, and signs in.
sign_in() {
    local root=$1 user=$2 port=$3
    shift 3
    env -i PATH=/usr/sbin:/usr/bin:/bin PASSKEYD_LISTEN="127.0.0.1:$port" PASSKEYD_DATA_DIR=/var/lib/passkeyd \
        chroot --userspec="$user" "$root" "$@" >"$work/out" 2>"$work/log" &
    server=$!
    for _ in $(seq 100); do
        if curl -fsS "http://127.0.0.1:$port/readyz" >/dev/null 2>&1; then break; fi
        kill -0 "$server" || {
            cat "$work/log" >&2
            die "passkeyd ended"
        }
        sleep 0.1
    done
    node e2e/install/sign-in.mjs "http://127.0.0.1:$port" <"$work/out"
    # `chroot` has become the server.
    kill -TERM "$server"
    wait "$server" || die "passkeyd ended with status $?"
    server=
}

echo "== the Debian package in a new Debian"
systemd-analyze security --offline=true --threshold=20 ops/passkeyd.service | tail -n 1
mmdebstrap --quiet --variant=minbase --include=systemd-standalone-sysusers bookworm "$work/debian" /etc/apt/sources.list.d/debian.sources
mount --bind /dev "$work/debian/dev"
mount -t proc proc "$work/debian/proc"
cp "$deb" "$work/debian/tmp/passkeyd.deb"
# Of the dependencies of the package everything is there.
chroot "$work/debian" apt-get install -y -q --no-install-recommends /tmp/passkeyd.deb >"$work/apt" 2>&1 || {
    cat "$work/apt" >&2
    die "the package cannot be installed"
}
for file in /usr/bin/passkeyd /usr/lib/systemd/system/passkeyd.service /usr/lib/sysusers.d/passkeyd.conf /etc/passkeyd/passkeyd.toml \
    /usr/share/bash-completion/completions/passkeyd; do
    [[ -e $work/debian$file || -e $work/debian${file#/usr} ]] || die "the package has no $file"
done
# A minimal Debian drops manual pages at the installation, so look into the package.
dpkg-deb --contents "$deb" | grep -q 'usr/share/man/man1/passkeyd.1.gz' || die "the package has no manual page"
chroot "$work/debian" passkeyd --version
[[ $(stat -c %a "$work/debian/var/lib/passkeyd") == 700 ]] || die "others can read the data"
# What the unit starts.
read -ra command < <(sed -n 's/^ExecStart=//p' ops/passkeyd.service)
sign_in "$work/debian" passkeyd:passkeyd 18431 "${command[@]}"
chroot "$work/debian" apt-get remove -y -q passkeyd >/dev/null
[[ ! -e $work/debian/usr/bin/passkeyd ]] || die "the package leaves its program behind"
[[ -e $work/debian/var/lib/passkeyd/passkeyd.db ]] || die "the removal of the package removed the data"

echo "== the image"
mkdir "$work/oci" "$work/image"
tar -xf "$image" -C "$work/oci"
layer=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[0]["Layers"][0])' "$work/oci/manifest.json")
tar -xzf "$work/oci/$layer" -C "$work/image"
[[ ! -e $work/image/bin/sh && ! -e $work/image/usr/bin/sh ]] || die "the image has a shell"
mkdir "$work/image/dev"
mount --bind /dev "$work/image/dev"
sign_in "$work/image" 65532:65532 18432 /usr/bin/passkeyd serve

echo "2 passed, 0 failed"
