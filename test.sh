#!/usr/bin/env bash
# Checks everything, from formatting to a real browser against the real binary. `./test.sh quick` stops before the
# parts that need a release build. May be run again at any time; installs what is missing on Debian.
set -euo pipefail
cd "$(dirname "$0")"

mode=${1:-all}
case $mode in
quick | all) ;;
*)
    echo "usage: ./test.sh [quick|all]" >&2
    exit 2
    ;;
esac

if [[ -n ${CI:-} ]]; then
    export DEBIAN_FRONTEND=noninteractive
    # Kept between clean checkouts.
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/passkeyd/target}
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
[[ $CARGO_TARGET_DIR == /* ]] || CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR
export CARGO_TERM_PROGRESS_WHEN=never

venv=$PWD/e2e/.venv

step() {
    printf '\n== %s (after %d s)\n' "$*" "$SECONDS"
}

die() {
    echo "test.sh: $*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

apt_updated=
install_packages() {
    echo "installing: $*"
    local as_root=()
    if [[ $(id -u) != 0 ]]; then
        has sudo || die "please install $* (neither root nor sudo here)"
        as_root=(sudo)
    fi
    has apt-get || die "please install $* (no apt-get here)"
    if [[ -z $apt_updated ]]; then
        "${as_root[@]}" apt-get update -q
        apt_updated=yes
    fi
    "${as_root[@]}" apt-get install -y -q --no-install-recommends "$@"
}

install_cargo_tool() {
    cargo "$1" --version >/dev/null 2>&1 || cargo install --locked "cargo-$1"
}

node_is_recent() {
    has node && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 11) ? 0 : 1)'
}

prepare_rust() {
    step "tools for Rust"
    has cargo || die "please install Rust (https://rustup.rs)"
    has cc || install_packages build-essential
    has cmake || install_packages cmake
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
    install_cargo_tool nextest
    install_cargo_tool deny
}

prepare_e2e() {
    step "tools for the suites from outside"
    has chromium || [[ -n ${CHROMIUM_BIN:-} ]] || install_packages chromium
    has firefox-esr || [[ -n ${FIREFOX_BIN:-} ]] || install_packages firefox-esr
    has node && has npm || install_packages nodejs npm
    node_is_recent || die "node $(node --version) is too old, 20.11 or newer is needed"
    has python3 || install_packages python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    (cd e2e && npm ci --no-audit --no-fund --ignore-scripts)

    local wanted=e2e/twilio-python/requirements.txt
    if ! cmp -s "$wanted" "$venv/installed.txt"; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
        cp "$wanted" "$venv/installed.txt"
    fi
}

check_format() {
    step "cargo fmt"
    cargo fmt --all --check
}

check_lints() {
    step "cargo clippy"
    cargo clippy --workspace --all-targets --locked -- -D warnings
}

check_dependencies() {
    step "cargo deny: licences, bans, sources"
    cargo deny --log-level error check licenses bans sources
    step "cargo deny: advisories"
    if cargo deny --log-level error fetch db; then
        cargo deny --log-level error --offline check advisories
    else
        echo "NOT CHECKED: the advisory database cannot be reached from here."
    fi
}

check_generated() {
    step "generated files"
    if [[ -e scripts/check-generated.sh ]]; then
        scripts/check-generated.sh
    else
        die "scripts/check-generated.sh is missing"
    fi
}

check_sdk() {
    step "the browser client: tests, and dist/ from its sources"
    scripts/check-sdk.sh
}

test_rust() {
    step "cargo nextest"
    cargo nextest run --workspace --locked
    step "documentation tests"
    cargo test --doc --workspace --locked
}

build_release() {
    step "release build"
    cargo build --release --locked -p passkeyd -p passkeyd-testkit
    step "benchmarks compile"
    cargo bench --no-run --workspace --benches --locked
}

test_python() {
    step "twilio-python against the binary"
    "$venv/bin/python" -m pytest -q e2e/twilio-python
}

test_node() {
    step "twilio-node against the binary"
    (cd e2e && node --test twilio-node/*.test.mjs)
}

test_browser() {
    step "Chromium and Firefox: the demo against the binary, and the browser client"
    (cd e2e && node --test browser/*.test.mjs)
}

prepare_rust
check_format
check_lints
check_dependencies
check_generated
test_rust
if [[ $mode == all ]]; then
    prepare_e2e
    check_sdk
    build_release
    test_python
    test_node
    test_browser
    step "all suites passed"
else
    step "the quick suites passed"
fi
