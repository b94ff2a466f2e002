#!/usr/bin/env bash
# Builds the binary of the packages: the profile `dist`, with the list of its crates in it and without the folders of this machine.
#
#     scripts/release-build.sh FILE                    writes the binary to FILE
#     PROFILE=P scripts/release-build.sh FILE          lets the compiler use the profile P, which scripts/profile.sh has made
#
# `cargo audit bin`, Trivy and Grype read the list, and so does scripts/binary-crates.py.
set -euo pipefail
file=$(realpath -m "$1")
profile=${PROFILE:+$(realpath "$PROFILE")}
cd "$(dirname "$0")/.."

cargo auditable --version >/dev/null 2>&1 || cargo install --locked cargo-auditable

# A folder of its own: other flags would make cargo build everything in target/dist again.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/packaged
# The time of the commit, and no path of a checkout: so the same commit makes the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=/passkeyd --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
made=$CARGO_TARGET_DIR/dist
target=()
if [[ -n ${PROFILE:-} ]]; then
    RUSTFLAGS+=" -Cprofile-use=$profile"
    # With a target, as the profile was made: names of functions in it depend on that.
    host=$(rustc -vV | sed -n 's/^host: //p')
    target=(--target "$host")
    made=$CARGO_TARGET_DIR/$host/dist
fi
cargo auditable build --profile dist --locked --quiet "${target[@]}" -p passkeyd
install -D -m 0755 "$made/passkeyd" "$file"
