#!/usr/bin/env bash
# Measures what passkeyd costs when its store grows: bench/README.md says what and how.
#
#   bench/growth.sh                                stores of 10,000, 1,000,000 and 10,000,000 passkeys; 3 rounds
#   SIZES="10000 1000000" ROUNDS=1 DOCUMENT= bench/growth.sh
#
# Settings (environment): SIZES, ROUNDS, MEASURE (seconds of each load), WARMUP (seconds before them), USERS (who sign in), CONNECTIONS, RATES,
# REGISTERED (passkeys of the last load; 0: none), SERVER_CORE, DRIVER_CORE, PORT, WORK (folder for the stores), RESULTS (file),
# DOCUMENT (Markdown file to update; empty: none), PASSKEYD (a finished binary).
set -euo pipefail
cd "$(dirname "$0")"
bench=$PWD
root=$(dirname "$bench")

sizes=${SIZES:-10000 1000000 10000000}
rounds=${ROUNDS:-3}
measure=${MEASURE:-10}
warmup=${WARMUP:-5}
users=${USERS:-200000}
connections=${CONNECTIONS:-16,64}
rates=${RATES:-400}
registered=${REGISTERED:-100000}
server_core=${SERVER_CORE:-0}
driver_core=${DRIVER_CORE:-1}
port=${PORT:-18200}

export CARGO_TERM_PROGRESS_WHEN=never
account=AC0123456789abcdef0123456789abcdef
token=bench-auth-token-0123456789abcdef
address=127.0.0.1:$port

step() {
    printf '\n== %s\n' "$*" >&2
}

die() {
    echo "bench/growth.sh: $*" >&2
    exit 1
}

(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && die "something already listens on port $port; set PORT"

step "build"
CARGO_TARGET_DIR=$root/target/bench cargo build --release --locked --quiet --manifest-path driver/Cargo.toml
driver=$root/target/bench/release/passkeyd-bench
(cd "$root" && CARGO_TARGET_DIR=$root/target cargo build --release --locked --quiet -p passkeyd-storage --example seed)
seed=$root/target/release/examples/seed
if [[ -n ${PASSKEYD:-} ]]; then
    passkeyd=$(realpath "$PASSKEYD")
    origin="a given binary, SHA-256 $(sha256sum "$passkeyd" | cut -c1-16)"
else
    (cd "$root" && CARGO_TARGET_DIR=$root/target cargo build --profile dist --locked --quiet -p passkeyd)
    passkeyd=$root/target/dist/passkeyd
    origin="commit $(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
    [[ -z $(git -C "$root" status --porcelain --untracked-files=no 2>/dev/null) ]] || origin+=", with changes"
fi

work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/passkeyd-growth-XXXXXX")
pid=
stop() {
    [[ -n $pid ]] || return 0
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    pid=
}
trap 'stop; rm -rf "$work"' EXIT
disk=$(df --output=fstype "$work" | tail -1)

# Starts passkeyd on a store and waits until it is ready; start_ms is how long that took.
start() {
    local store=$1 since
    since=$(date +%s%N)
    PASSKEYD_BOOTSTRAP_ACCOUNT_SID=$account PASSKEYD_BOOTSTRAP_AUTH_TOKEN=$token \
        taskset -c "$server_core" "$passkeyd" serve --listen "$address" --data-dir "$store" >"$work/log" 2>&1 &
    pid=$!
    start_ms=$(taskset -c "$driver_core" "$driver" ready --address "$address" --since "$since") || {
        cat "$work/log" >&2
        die "passkeyd is not ready"
    }
}

# Puts load on it; further arguments are for the driver.
load() {
    taskset -c "$driver_core" "$driver" load --wire twilio --address "$address" --pid "$pid" --account $account --token $token \
        --connections "$connections" --seconds "$measure" --warmup "$warmup" --start-ms "$start_ms" "$@" >>"$results" || {
        tail -50 "$work/log" >&2
        die "the load failed"
    }
}

# Notes what a store has on disk.
note_sizes() {
    printf '{"sizes":{"credentials":%s,"moment":"%s","file_bytes":%s,"parts":%s}}\n' \
        "$1" "$2" "$(stat -c %s "$work/$1/passkeyd.db")" "$("$seed" sizes "$work/$1/passkeyd.db")" >>"$results"
}

results=${RESULTS:-$bench/results/$(date -u +%F)-$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)-growth.ndjson}
mkdir -p "$(dirname "$results")"
"$driver" about --set "date=$(date -u '+%F %H:%M UTC')" \
    --set "cores=server on core $server_core, driver on core $driver_core of $(nproc --all); load average before the run $(cut -d' ' -f1 /proc/loadavg)" \
    --set "passkeyd=$("$passkeyd" --version | cut -d' ' -f2), $origin" \
    --set "settings=Twilio wire, medians of $rounds rounds, $measure s for each load after $warmup s, $users users who sign in in turn, stores on $disk" >"$results"

for size in $sizes; do
    step "store of $size passkeys"
    mkdir "$work/$size"
    "$seed" fill "$work/$size/passkeyd.db" "$work/$size/keys" "$size" "$account" "$token" >"$work/$size/about"
    note_sizes "$size" seeded
done
for ((round = 1; round <= rounds; round++)); do
    for size in $sizes; do
        step "round $round of $rounds: $size passkeys"
        start "$work/$size"
        load --name passkeyd-twilio --round "$round" --rates "$rates" --users "$users" --keys "$work/$size/keys" --credentials "$size" \
            --service "$(grep -o 'VA[0-9a-f]*' "$work/$size/about")"
        stop
    done
done
for size in $sizes; do
    note_sizes "$size" used
    rm -rf "${work:?}/$size"
done
if [[ $registered != 0 ]]; then
    step "$registered registrations"
    mkdir "$work/registered"
    start "$work/registered"
    load --name passkeyd-twilio --rates "$rates" --users "$registered"
    stop
fi

step "results: $results"
document=${DOCUMENT-$root/docs/performance.md}
"$driver" report "$results" ${document:+--into "$document"}
