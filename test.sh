#!/usr/bin/env bash
# Runs every check, from formatting to a real browser against the real binary. `./test.sh quick` stops before the
# parts that need a release build. `./test.sh long` also compares 20,000 ceremonies, runs each fuzz target for a minute, kills the server
# 200 times, cuts its power 200 times, kills 25 databases, sends 200,000 mutated requests and simulates 10,000 seeds of faults.
# It can run again at any time. On Debian it installs what is missing.
set -euo pipefail
cd "$(dirname "$0")"

mode=${1:-all}
case $mode in
quick | all | long) ;;
*)
    echo "usage: ./test.sh [quick|all|long]" >&2
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
if [[ -n ${CI:-} ]]; then
    # A clean checkout reuses little of it, and it fills the disk of a runner.
    export CARGO_INCREMENTAL=0
    rm -rf "$CARGO_TARGET_DIR"/*/incremental
    # A full build takes 10 GB. Old libraries in the cache are never removed, so remove all of it when the disk is nearly full.
    mkdir -p "$CARGO_TARGET_DIR"
    if (($(df --output=avail -B1G "$CARGO_TARGET_DIR" | tail -n 1) < 12)); then
        echo "less than 12 GB free: the build cache in $CARGO_TARGET_DIR is removed"
        rm -rf "${CARGO_TARGET_DIR:?}"/*
    fi
fi

# Names of the tests that passed.
ran=$(mktemp)
trap 'rm -f "$ran"' EXIT

venv=$PWD/e2e/.venv
venv_differential=$PWD/e2e/.venv-differential

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
    step "tools for the end-to-end suites"
    has chromium || [[ -n ${CHROMIUM_BIN:-} ]] || install_packages chromium
    has firefox-esr || [[ -n ${FIREFOX_BIN:-} ]] || install_packages firefox-esr
    [[ -x /usr/sbin/nginx ]] || [[ -n ${NGINX_BIN:-} ]] || install_packages nginx
    [[ -x /usr/sbin/haproxy ]] || [[ -n ${HAPROXY_BIN:-} ]] || install_packages haproxy
    [[ -x /usr/bin/caddy ]] || [[ -n ${CADDY_BIN:-} ]] || install_packages caddy
    has openssl || install_packages openssl
    has node && has npm || install_packages nodejs npm
    node_is_recent || die "node $(node --version) is too old, 20.11 or newer is needed"
    has python3 || install_packages python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    (cd e2e && npm ci --no-audit --no-fund --ignore-scripts)

    prepare_venv "$venv" e2e/twilio-python/requirements.txt
    prepare_venv "$venv_differential" e2e/differential/requirements.txt
    prepare_venv "$PWD/e2e/.venv-spelling" e2e/spelling/requirements.txt
    prepare_venv "$PWD/e2e/.venv-guides" e2e/guides/requirements.txt
}

# The examples, with the packages and toolchains that each of them needs.
prepare_examples() {
    step "tools for the examples"
    has curl || install_packages curl
    has go || install_packages golang-go
    has php && php -r 'exit((int) !extension_loaded("mbstring"));' || install_packages php-cli php-mbstring
    has ruby && ruby -rwebrick -e '' 2>/dev/null || install_packages ruby ruby-webrick
    has javac || install_packages default-jdk-headless
    local example
    for example in express fastify; do
        (cd "examples/$example" && npm ci --no-audit --no-fund --ignore-scripts)
    done
    prepare_venv "$PWD/examples/fastapi/.venv" examples/fastapi/requirements.txt
    prepare_venv "$PWD/examples/flask/.venv" examples/flask/requirements.txt
    prepare_venv "$PWD/examples/django/.venv" examples/django/requirements.txt
}

# A virtual environment with exactly the packages of a file.
prepare_venv() {
    local folder=$1 wanted=$2
    if ! cmp -s "$wanted" "$folder/installed.txt"; then
        rm -rf "$folder"
        python3 -m venv "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
        cp "$wanted" "$folder/installed.txt"
    fi
}

prepare_fuzz() {
    step "tools for fuzzing"
    # Without rustup, `+nightly` would go to cargo itself.
    has rustup && cargo +nightly --version >/dev/null 2>&1 ||
        die "fuzzing needs a nightly compiler: rustup toolchain install nightly --profile minimal"
    cargo +nightly fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
}

check_format() {
    step "cargo fmt"
    cargo fmt --all --check
    local manifest
    for manifest in bench/driver bench/peers/webauthn-rs examples/axum; do
        cargo fmt --check --manifest-path "$manifest/Cargo.toml"
    done
}

check_lints() {
    step "cargo clippy"
    cargo clippy --workspace --all-targets --locked -- -D warnings
    # They run only when they are named, and so are they checked.
    cargo clippy --locked -p passkeyd-storage -p passkeyd --test postgres --test nodes -- -D warnings
    # They are outside the workspace, so no other step would notice that a change broke them.
    step "fuzz targets compile"
    cargo check --locked --manifest-path crates/webauthn/fuzz/Cargo.toml
    step "the load driver of the benchmark"
    cargo clippy --all-targets --locked --manifest-path bench/driver/Cargo.toml -- -D warnings
}

# The second set of features of the server: what it adds is checked, and its tests run.
test_traces() {
    step "the feature opentelemetry: clippy, and the tests of traces"
    cargo clippy --locked -p passkeyd --features opentelemetry --lib --bins --test traces -- -D warnings
    cargo nextest run --locked -p passkeyd --features opentelemetry --lib --test traces -E 'test(traces) or binary(traces)'
    remember
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

check_chains() {
    step "certification paths: x509-limbo"
    if [[ -n ${X509_LIMBO:-} ]]; then
        cargo test --locked -p passkeyd-webauthn --lib x509_limbo -- --ignored
    else
        echo "NOT CHECKED: the corpus is not here; see vectors/x509-limbo/README.md."
    fi
}

check_includes() {
    step "code in the documents is that of the examples"
    has python3 || install_packages python3
    scripts/include-examples.py --check
}

check_chart() {
    step "the Helm chart, and the file for Traefik"
    python3 -c 'import yaml' 2>/dev/null || install_packages python3-yaml
    scripts/check-chart.py
    scripts/check-traefik.py
}

check_spelling() {
    step "spelling of documents and help texts"
    scripts/check-spelling.sh "$PWD/e2e/.venv-spelling/bin/codespell"
}

check_imports() {
    step "no files import each other in a circle"
    has python3 || install_packages python3
    scripts/check-imports.py --self-test
    scripts/check-imports.py webauthn domain storage server
}

check_generated() {
    step "generated files"
    scripts/check-generated.sh
}

check_paths() {
    step "files that the documents name exist"
    scripts/check-paths.sh --self-test
    scripts/check-paths.sh
}

check_sdk() {
    step "the browser client: tests, and dist/ against a fresh build"
    scripts/check-sdk.sh
}

# Remembers which tests of the last run passed. The report lies in the checkout, wherever the build is.
remember() {
    python3 scripts/check-threats.py --remember target/nextest/default/ran.xml "$ran"
}

check_threats() {
    step "the proofs of docs/threats.md exist"
    scripts/check-threats.py --self-test
    scripts/check-threats.py
}

check_proofs() {
    step "the proofs of docs/threats.md ran"
    scripts/check-threats.py --ran "$ran"
}

test_rust() {
    step "cargo nextest"
    cargo nextest run --workspace --locked
    remember
    step "documentation tests"
    cargo test --doc --workspace --locked
}

test_durability() {
    step "$1 kills and $1 losses of power"
    DURABILITY_KILLS=$1 DURABILITY_CUTS=$1 DURABILITY_SEED=2 cargo nextest run --locked -p passkeyd --test durability
}

# test_faults REQUESTS SEEDS
test_faults() {
    step "$1 mutated requests, and a simulation of $2 seeds"
    MUTATED_REQUESTS=$1 MUTATED_SEED=2 cargo nextest run --locked -p passkeyd --test process mutated::
    UNDER_ATTACK=2000 cargo nextest run --locked -p passkeyd --test process rates::an_attack --no-capture
    SIMULATION_SEEDS=$2 SIMULATION_FIRST=1000 cargo nextest run --locked -p passkeyd-storage --lib simulation::
}

test_postgres() {
    step "the PostgreSQL store, on a PostgreSQL of its own and behind PgBouncer"
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || [[ -n ${PG_BIN:-} ]] || install_packages postgresql
    [[ -x /usr/sbin/pgbouncer ]] || has pgbouncer || install_packages pgbouncer
    has openssl || install_packages openssl
    scripts/with-postgres.sh cargo nextest run --locked -p passkeyd-storage --test postgres
    remember
    step "three nodes on one PostgreSQL, and their restart behind HAProxy"
    [[ -x /usr/sbin/haproxy ]] || [[ -n ${HAPROXY_BIN:-} ]] || install_packages haproxy
    scripts/with-postgres.sh cargo nextest run --locked -p passkeyd --test nodes -E 'not test(failover::)'
    remember
    step "the suites of the wires on PostgreSQL"
    scripts/with-postgres.sh cargo nextest run --locked -p passkeyd --test api --test nevis --test fido --test transfer
}

# test_failover KILLS
test_failover() {
    step "fail-overs of a synchronous PostgreSQL pair under load, $1 kills"
    TEST_KILLS=$1 scripts/postgres-pair.sh run cargo nextest run --locked -p passkeyd --test nodes failover::
    remember
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

test_shapes() {
    step "requests of the other Twilio helper libraries against the binary"
    (cd e2e && node --test twilio-wire-shapes/*.test.mjs)
}

test_guides() {
    step "the examples of the guides against the binary"
    (cd e2e && node --test guides/*.test.mjs)
}

test_browser() {
    step "Chromium and Firefox: the demo against the binary, and the browser client"
    (cd e2e && node --test browser/*.test.mjs)
}

test_clients() {
    step "Chromium and Firefox: libraries for browsers against the three APIs"
    (cd e2e && node --test clients/*.test.mjs)
}

test_examples() {
    step "Chromium: the examples against the binary"
    (cd e2e && node --test examples/*.test.mjs)
}

test_packages() {
    step "all packages"
    has rpmbuild || install_packages rpm
    scripts/package.sh
    step "the packages and the image: installed in new roots, up to a sign-in"
    local mirror
    mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
    if [[ $(id -u) != 0 || -z $mirror ]] || ! curl -fsS --max-time 30 -o /dev/null "$mirror/dists/bookworm/InRelease"; then
        echo "NOT CHECKED: this needs root and a mirror of Debian."
        return
    fi
    has mmdebstrap || install_packages mmdebstrap
    has systemd-analyze || install_packages systemd
    scripts/test-install.sh
}

check_differential() {
    step "the table of disagreements in docs/differential.md"
    python3 e2e/differential/compare.py --check docs/differential.md
}

test_differential() {
    step "$1 ceremonies with passkeyd, py_webauthn and simplewebauthn"
    "$venv_differential/bin/python" e2e/differential/compare.py "$2" "$1"
}

test_fuzz() {
    step "fuzz targets, $1 s each"
    scripts/fuzz.sh "$1"
}

prepare_rust
check_format
check_lints
check_dependencies
check_generated
check_paths
check_includes
check_imports
check_threats
test_rust
test_traces
test_postgres
if [[ $mode == long ]]; then
    test_failover 25
else
    test_failover 5
fi
check_proofs
if [[ $mode == quick ]]; then
    step "the quick suites passed"
    exit
fi

prepare_e2e
prepare_examples
check_spelling
check_chart
check_sdk
build_release
test_python
test_node
test_shapes
test_guides
test_browser
test_clients
test_examples
check_differential
test_differential 2000 1
if [[ $mode == long ]]; then
    test_packages
    test_durability 200
    test_faults 200000 10000
    # Another seed has other damage.
    test_differential 20000 2
    check_chains
    prepare_fuzz
    test_fuzz 60
fi
step "all suites passed"
