#!/usr/bin/env bash
# Installs the Debian package in a new root, starts it as its unit does, and signs in with a passkey; then the same with the RPM and the image. At last
# it loads the npm package.
# It needs root, and the files that scripts/package.sh makes. The names of the suites that passed are printed.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=${CARGO_TARGET_DIR:-$PWD/target}/packages
deb=$(ls "$packages"/*.deb)
rpm=$(ls "$packages"/*.rpm)
image=$packages/passkeyd-image.tar
work=$(mktemp -d)
server=
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    [[ -z $server ]] || wait "$server" 2>/dev/null || true
    for root in debian rpm image; do
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

# sign_in ROOT USER PROGRAM...: starts the program in the root as the user, and signs in.
sign_in() {
    local root=$1 user=$2 port
    shift 2
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
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

# new_root NAME: a Debian with nothing but what every package may expect.
new_root() {
    mkdir "$work/$1"
    tar -xpf "$work/root.tar" -C "$work/$1"
    mount --bind /dev "$work/$1/dev"
    mount -t proc proc "$work/$1/proc"
}

# has_files ROOT
has_files() {
    local file
    for file in /usr/bin/passkeyd /usr/lib/systemd/system/passkeyd.service /usr/lib/sysusers.d/passkeyd.conf /etc/passkeyd/passkeyd.toml \
        /usr/share/bash-completion/completions/passkeyd; do
        [[ -e $1$file || -e $1${file#/usr} ]] || die "the package has no $file"
    done
    chroot "$1" passkeyd --version
    # What scanners for known vulnerabilities read.
    [[ $(scripts/binary-crates.py "$1/usr/bin/passkeyd") == *aws-lc-rs* ]] || die "the program does not list its crates"
}

# What the unit starts.
read -ra command < <(sed -n 's/^ExecStart=//p' ops/passkeyd.service)

echo "== the Debian package in a new Debian"
systemd-analyze security --offline=true --threshold=20 ops/passkeyd.service | tail -n 1
mmdebstrap --quiet --variant=minbase --include=systemd-standalone-sysusers bookworm "$work/root.tar" /etc/apt/sources.list.d/debian.sources
new_root debian
cp "$deb" "$work/debian/tmp/passkeyd.deb"
# Of the dependencies of the package everything is there.
chroot "$work/debian" apt-get install -y -q --no-install-recommends /tmp/passkeyd.deb >"$work/apt" 2>&1 || {
    cat "$work/apt" >&2
    die "the package cannot be installed"
}
has_files "$work/debian"
# A minimal Debian drops manual pages at the installation, so look into the package.
[[ $(dpkg-deb --contents "$deb") == *usr/share/man/man1/passkeyd.1.gz* ]] || die "the package has no manual page"
[[ $(stat -c %a "$work/debian/var/lib/passkeyd") == 700 ]] || die "others can read the data"
sign_in "$work/debian" passkeyd:passkeyd "${command[@]}"
chroot "$work/debian" apt-get remove -y -q passkeyd >/dev/null
[[ ! -e $work/debian/usr/bin/passkeyd ]] || die "the package leaves its program behind"
[[ -e $work/debian/var/lib/passkeyd/passkeyd.db ]] || die "the removal of the package removed the data"

echo "== the RPM in a root of its own"
new_root rpm
# Only `rpm` is here, and no distribution of RPMs: what the package requires is named, and not looked for.
[[ $(rpm -qp --requires "$rpm") == *libc.so.6* ]] || die "the package does not require the C library"
in_rpm=(rpm --root "$work/rpm" --dbpath /var/lib/rpm)
"${in_rpm[@]}" --install --nodeps "$rpm"
"${in_rpm[@]}" --verify --nodeps passkeyd || die "the files are not as the package has them"
has_files "$work/rpm"
[[ -e $work/rpm/usr/share/man/man1/passkeyd.1.gz ]] || die "the package has no manual page"
chroot "$work/rpm" id passkeyd
# systemd does this when it starts the unit.
chroot "$work/rpm" install -d -m 0700 -o passkeyd -g passkeyd /var/lib/passkeyd
sign_in "$work/rpm" passkeyd:passkeyd "${command[@]}"
echo "# set by the operator" >>"$work/rpm/etc/passkeyd/passkeyd.toml"
"${in_rpm[@]}" --upgrade --nodeps --replacepkgs "$rpm"
grep -q '^# set by the operator' "$work/rpm/etc/passkeyd/passkeyd.toml" || die "an upgrade replaces the settings"
"${in_rpm[@]}" --erase passkeyd
[[ ! -e $work/rpm/usr/bin/passkeyd ]] || die "the package leaves its program behind"
[[ -e $work/rpm/var/lib/passkeyd/passkeyd.db ]] || die "the removal of the package removed the data"

echo "== the image"
mkdir "$work/oci" "$work/image"
tar -xf "$image" -C "$work/oci"
layer=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[0]["Layers"][0])' "$work/oci/manifest.json")
tar -xzf "$work/oci/$layer" -C "$work/image"
[[ ! -e $work/image/bin/sh && ! -e $work/image/usr/bin/sh ]] || die "the image has a shell"
mkdir "$work/image/dev"
mount --bind /dev "$work/image/dev"
sign_in "$work/image" 65532:65532 /usr/bin/passkeyd serve

echo "== the npm package"
mkdir "$work/npm"
(
    cd "$work/npm"
    npm init --yes >/dev/null
    npm install --offline --ignore-scripts --no-audit --no-fund --silent "$packages"/*.tgz
    [[ -e node_modules/@passkeyd/fido2-client/LICENSE-MIT ]] || die "the package has no licence"
    node --input-type=module <<'END'
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

const folder = 'node_modules/@passkeyd/fido2-client/';
const { exports } = JSON.parse(await readFile(`${folder}package.json`, 'utf8'));
for (const [entry, { types }] of Object.entries(exports)) if (types) assert.ok(await readFile(folder + types), entry);
const { register } = await import('@passkeyd/fido2-client');
const { signIn } = await import('@passkeyd/fido2-client/passkeys');
const { reporter } = await import('@passkeyd/fido2-client/events');
assert.deepEqual([register, signIn, reporter].map((one) => typeof one), Array(3).fill('function'));
END
)

echo "4 passed, 0 failed"
