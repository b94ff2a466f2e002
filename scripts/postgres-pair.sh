#!/usr/bin/env bash
# A PostgreSQL with a standby that it waits for, to try fail-overs on.
#
#   scripts/postgres-pair.sh run COMMAND...   starts both, runs the command, and stops them
#
# Both listen on 127.0.0.1 at free ports and keep their files in a temporary directory. The command finds:
#   TEST_POSTGRES_PAIR         the address of a database that names both servers
#   TEST_POSTGRES_PAIR_SCRIPT  this script, for:
#     kill       sends SIGKILL to all processes of the primary
#     promote    makes the standby the primary. It waits for no standby then
#     rejoin     makes a new standby in place of the server that was killed; the primary waits for it
#     cut-off    kills the standby, and the primary does not wait for it any more: what it acknowledges from now on is lost when it
#                is killed. (A standby that is only stopped still gets what lies in its socket.)
#   TEST_POSTGRES_PAIR_DIR     the directory, which they need
# Debian: apt-get install postgresql. PG_BIN names the directory of another build of the server.
set -euo pipefail
# shellcheck source=scripts/lib-postgres.sh
. "$(dirname "$0")/lib-postgres.sh"
find_postgres

port_of() {
    cat "$dir/port$1"
}

# The processes of a server.
processes_of() {
    local postmaster
    postmaster=$(head -1 "$dir/data$1/postmaster.pid" 2>/dev/null) || return 0
    echo "$postmaster"
    cat "/proc/$postmaster/task/$postmaster/children" 2>/dev/null || true
}

# Whether a process runs. One that nobody has waited for yet does not.
runs() {
    [[ -d /proc/$1 ]] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

kill_server() {
    local pids pid
    pids=$(processes_of "$1")
    [[ -n $pids ]] || die "server $1 does not run"
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    for pid in $pids; do
        while runs "$pid"; do sleep 0.01; done
    done
    # Nobody else removes them, and they would keep the server from its next start.
    rm -f "$dir/data$1/postmaster.pid" "$dir/socket/.s.PGSQL.$(port_of "$1")"*
}

# The name of the cluster is what a standby calls itself.
start_server() {
    "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data$1" -l "$dir/log$1" -w -t 60 -s \
        -o "-p $(port_of "$1") -c cluster_name=server$1" start
}

# make_standby OF NUMBER: a standby of a server, which waits for it from then on.
make_standby() {
    local primary
    primary=$(port_of "$1")
    rm -rf "$dir/data$2"
    "${as_server[@]}" env PGPASSWORD="$password" "$bin/pg_basebackup" -h 127.0.0.1 -p "$primary" -U passkeyd \
        -D "$dir/data$2" -R -X stream -c fast --no-sync 2>"$dir/backup.log" || { cat "$dir/backup.log" >&2; die "pg_basebackup failed"; }
    start_server "$2"
    ask "$primary" "ALTER SYSTEM SET synchronous_standby_names = 'server$2'"
    ask "$primary" "SELECT pg_reload_conf()" >/dev/null
    local tries
    for tries in $(seq 300); do
        if [[ $(ask "$primary" "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'") == 1 ]]; then
            # This commit waits for the standby, so the standby has all earlier ones, too.
            ask "$primary" "BEGIN; SELECT txid_current(); COMMIT" >/dev/null
            return
        fi
        [[ $tries != 300 ]] || die "server $2 does not follow server $1"
        sleep 0.1
    done
}

run() {
    [[ $# -gt 0 ]] || die "no command"
    dir=$(mktemp -d -t passkeyd-pair.XXXXXX)
    chmod 711 "$dir"
    mkdir "$dir/data1" "$dir/socket"
    trap stop EXIT
    make_cluster "$dir" "$dir/data1" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir/socket'
max_connections = 100
# A process that is killed leaves what it has written with the operating system.
fsync = off
full_page_writes = off
log_min_messages = fatal
CONF
    password=$(cat "$dir/password")
    free_port >"$dir/port1"
    free_port >"$dir/port2"
    echo 1 >"$dir/primary"
    start_server 1
    ask "$(port_of 1)" "CREATE DATABASE passkeyd"
    make_standby 1 2
    export TEST_POSTGRES_PAIR="postgres://passkeyd:$password@127.0.0.1:$(port_of 1),127.0.0.1:$(port_of 2)/passkeyd"
    export TEST_POSTGRES_PAIR_DIR=$dir
    TEST_POSTGRES_PAIR_SCRIPT=$(readlink -f "$0")
    export TEST_POSTGRES_PAIR_SCRIPT
    "$@"
}

stop() {
    local number
    for number in 1 2; do
        if [[ -f $dir/data$number/postmaster.pid ]]; then
            "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data$number" -m immediate -w -s stop 2>/dev/null || true
        fi
    done
    rm -rf "$dir"
}

command=${1:-}
if [[ $command == run ]]; then
    shift
    run "$@"
    exit
fi
dir=${TEST_POSTGRES_PAIR_DIR:-}
[[ -n $dir ]] || die "this works inside of: $0 run COMMAND..."
password=$(cat "$dir/password")
primary=$(cat "$dir/primary")
standby=$((3 - primary))
case $command in
kill) kill_server "$primary" ;;
promote)
    [[ -f $dir/data$standby/postmaster.pid ]] || start_server "$standby"
    "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data$standby" -w -t 60 -s promote
    echo "$standby" >"$dir/primary"
    ;;
rejoin) make_standby "$primary" "$standby" ;;
cut-off)
    ask "$(port_of "$primary")" "ALTER SYSTEM SET synchronous_standby_names = ''"
    ask "$(port_of "$primary")" "SELECT pg_reload_conf()" >/dev/null
    kill_server "$standby"
    ;;
*) die "expected run, kill, promote, rejoin or cut-off" ;;
esac
