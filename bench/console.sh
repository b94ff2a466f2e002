#!/usr/bin/env bash
# Measures the pages of the console on a large store: bench/README.md says what and how.
#
#   bench/console.sh                                  1,000,000 users with a passkey each, 1,000,000 events
#   SIZE=10000 EVENTS=1000 DOCUMENT= bench/console.sh
#
# Settings (environment): SIZE, EVENTS, DELIVERIES, CALLS (of each page), PORT, WORK (folder for the store), DOCUMENT (Markdown file to update; empty: none),
# PASSKEYD and SEED (finished binaries).
set -euo pipefail
cd "$(dirname "$0")"
root=$(dirname "$PWD")

size=${SIZE:-1000000}
events=${EVENTS:-1000000}
deliveries=${DELIVERIES:-2500}
calls=${CALLS:-20}
port=${PORT:-18200}

export CARGO_TERM_PROGRESS_WHEN=never
account=AC0123456789abcdef0123456789abcdef
token=bench-auth-token-0123456789abcdef

step() {
    printf '\n== %s\n' "$*" >&2
}

die() {
    echo "bench/console.sh: $*" >&2
    exit 1
}

(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && die "something already listens on port $port; set PORT"

step "build"
built() {
    (cd "$root" && CARGO_TARGET_DIR=$root/target cargo build --release --locked --quiet "$@")
}
seed=${SEED:-$root/target/release/examples/seed}
[[ -n ${SEED:-} ]] || built -p passkeyd-storage --example seed
passkeyd=${PASSKEYD:-$root/target/release/passkeyd}
[[ -n ${PASSKEYD:-} ]] || built -p passkeyd

work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/passkeyd-console-XXXXXX")
pid=
stop() {
    [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

step "store of $size passkeys and $events events"
mkdir "$work/store"
"$seed" fill "$work/store/passkeyd.db" "$work/keys" "$size" "$account" "$token" >"$work/about"
"$seed" events "$work/store/passkeyd.db" "$size" "$events"
service=$(grep -o 'VA[0-9a-f]*' "$work/about")
# The name of the first user, as the seed makes it.
person=$(printf 'user 0' | sha256sum | cut -c33-52)

step "pages"
PASSKEYD_BOOTSTRAP_ACCOUNT_SID=$account PASSKEYD_BOOTSTRAP_AUTH_TOKEN=$token PASSKEYD_WEBHOOKS__ALLOW_NETWORKS='["127.0.0.1"]' \
    "$passkeyd" serve --listen "127.0.0.1:$port" --data-dir "$work/store" >"$work/log" 2>&1 &
pid=$!
for _ in {1..600}; do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$pid" 2>/dev/null || { cat "$work/log" >&2; die "passkeyd does not start"; }
    sleep 0.1
done
link=$("$passkeyd" console invite --data-dir "$work/store" --name Ada --role owner 2>/dev/null | grep -o 'http[^ ]*/console/invite/[^ ]*')
url=${link%/console/*}
node console.mjs "$url" "${link#"$url"}" "$account" "$token" "$service" "$person" "$calls" "$deliveries" >"$work/table"

{
    echo "- date: $(date -u '+%F %H:%M UTC'), $(nproc --all) cores, load average $(cut -d' ' -f1 /proc/loadavg)"
    echo "- passkeyd: $("$passkeyd" --version | cut -d' ' -f2)"
    echo "- store: $size users with a passkey each, $events events of the last week, $deliveries deliveries; $calls calls of each page after the first"
    echo
    cat "$work/table"
} >"$work/report"
cat "$work/report"
document=${DOCUMENT-$root/docs/performance.md}
[[ -z $document ]] || sed -i -e "/<!-- console: begin -->/,/<!-- console: end -->/{
    /<!-- console: begin -->/!{/<!-- console: end -->/!d}
}" -e "/<!-- console: begin -->/{
    a\\

    r $work/report
}" "$document"
