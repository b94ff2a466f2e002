#!/usr/bin/env bash
# Records which paths of the binary registrations and sign-ins take, for the compiler (profile-guided optimization).
#
#     scripts/profile.sh FILE                                    writes the profile to FILE
#     PROFILE=FILE scripts/release-build.sh passkeyd-binary      builds with it
#     PROFILE=FILE bench/run.sh                                  measures such a binary
#
# It needs `llvm-profdata`, in the package `llvm-19` of Debian 12 or the component `llvm-tools` of rustup. The load is that of bench/run.sh, over both wires.
set -euo pipefail
file=$(realpath -m "$1")
cd "$(dirname "$0")/.."

# The newest one: it reads the profiles of older compilers, too.
profdata=${LLVM_PROFDATA:-$({
    ls "$(rustc --print sysroot)"/lib/rustlib/*/bin/llvm-profdata
    compgen -c llvm-profdata | sort -Vr
} 2>/dev/null | head -n 1)}
[[ -n $profdata ]] || { echo "profile.sh: there is no llvm-profdata; install the package llvm-19" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-$PWD/target}
[[ $target == /* ]] || target=$PWD/$target
host=$(rustc -vV | sed -n 's/^host: //p')
work=$(mktemp -d "${TMPDIR:-/tmp}/passkeyd-profile-XXXXXX")
pid=
stop() {
    [[ -z $pid ]] || { kill "$pid" 2>/dev/null && wait "$pid" || true; }
    pid=
}
trap 'stop; rm -rf "$work"' EXIT

# With a target, build scripts and macros are not instrumented.
RUSTFLAGS="-Cprofile-generate=$work/raw" CARGO_TARGET_DIR=$target/instrumented \
    cargo build --profile dist --locked --quiet --target "$host" -p passkeyd
CARGO_TARGET_DIR=$target/bench cargo build --release --locked --quiet --manifest-path bench/driver/Cargo.toml

account=AC0123456789abcdef0123456789abcdef
token=profile-auth-token-0123456789abcdef
for wire in twilio nevis; do
    : >"$work/log"
    PASSKEYD_BOOTSTRAP_ACCOUNT_SID=$account PASSKEYD_BOOTSTRAP_AUTH_TOKEN=$token \
        "$target/instrumented/$host/dist/passkeyd" serve --listen 127.0.0.1:0 --data-dir "$work/$wire" >"$work/log" 2>&1 &
    pid=$!
    address=
    for _ in {1..300}; do
        address=$(grep -ohE -m1 '127\.0\.0\.1:[0-9]+' "$work/log" || true)
        [[ -z $address ]] || break
        kill -0 "$pid" || { cat "$work/log" >&2; exit 1; }
        sleep 0.1
    done
    # The counters slow the server down; the shares of its paths stay the same.
    "$target/bench/release/passkeyd-bench" load --name "passkeyd-$wire" --wire "$wire" --address "$address" --pid "$pid" \
        --account $account --token $token --users 2000 --connections 1,16,64 --rates 200 --seconds 4 --warmup 0.5 >"$work/results"
    stop
done
"$profdata" merge -o "$file" "$work/raw"
echo "$file"
