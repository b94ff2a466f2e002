#!/usr/bin/env bash
# Starts a PostgreSQL and a PgBouncer of its own, runs a command with their addresses in its environment, and stops them.
#
#   scripts/with-postgres.sh COMMAND...
#
# Both listen on 127.0.0.1 at free ports and keep their files in a temporary directory. The command finds:
#   TEST_POSTGRES               a database whose transactions are READ COMMITTED
#   TEST_POSTGRES_SERIALIZABLE  a database whose transactions are SERIALIZABLE
#   TEST_PGBOUNCER              the first one, behind PgBouncer in transaction mode
#   TEST_POSTGRES_DIR           the directory
# Debian: apt-get install postgresql pgbouncer. PG_BIN names the directory of another build of the server.
set -euo pipefail
export LC_ALL=C.UTF-8

die() {
    echo "with-postgres.sh: $*" >&2
    exit 1
}

[[ $# -gt 0 ]] || die "no command"

# The directory of initdb, pg_ctl and postgres.
bin=${PG_BIN:-}
if [[ -z $bin ]]; then
    for version in 18 17 16 15 14; do
        if [[ -x /usr/lib/postgresql/$version/bin/initdb ]]; then
            bin=/usr/lib/postgresql/$version/bin
            break
        fi
    done
fi
[[ -n $bin ]] || die "PostgreSQL is not installed: apt-get install postgresql"
pgbouncer=$(command -v pgbouncer || true)
[[ -n $pgbouncer ]] || pgbouncer=/usr/sbin/pgbouncer
[[ -x $pgbouncer ]] || die "PgBouncer is not installed: apt-get install pgbouncer"
psql=$bin/psql
[[ -x $psql ]] || psql=$(command -v psql) || die "psql is not installed: apt-get install postgresql-client"

# Neither server runs as root.
as_server=()
if [[ $(id -u) == 0 ]]; then
    as_server=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

dir=$(mktemp -d -t passkeyd-postgres.XXXXXX)
chmod 711 "$dir"
mkdir "$dir/data" "$dir/socket"
bouncer_pid=
stop() {
    [[ -z $bouncer_pid ]] || kill "$bouncer_pid" 2>/dev/null || true
    "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w -s stop 2>/dev/null || true
    rm -rf "$dir"
}
trap stop EXIT

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$dir/password"
own() {
    [[ ${#as_server[@]} == 0 ]] || chown -R postgres:postgres "$dir"
}
own
"${as_server[@]}" "$bin/initdb" -D "$dir/data" -U passkeyd --pwfile="$dir/password" --auth=scram-sha-256 -E UTF8 \
    --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; die "initdb failed"; }
# A test database need not outlive a crash.
cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir/socket'
max_connections = 300
fsync = off
full_page_writes = off
log_min_messages = fatal
CONF

# A port below those of outgoing connections, on which nobody listens.
free_port() {
    local port
    while port=$(shuf -i 20000-32000 -n 1); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# Somebody else may take the port first.
port=
for _ in 1 2 3 4 5; do
    candidate=$(free_port)
    if "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 -s -o "-p $candidate" start 2>/dev/null; then
        port=$candidate
        break
    fi
done
[[ -n $port ]] || { tail -20 "$dir/server.log" >&2; die "PostgreSQL did not start"; }

ask() {
    PGPASSWORD=$password "$psql" -qXAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" -U passkeyd -d postgres -c "$2"
}
ask "$port" "CREATE DATABASE passkeyd"
ask "$port" "CREATE DATABASE serializable"
ask "$port" "ALTER DATABASE serializable SET default_transaction_isolation = 'serializable'"

printf '"passkeyd" "%s"\n' "$password" >"$dir/users"
for _ in 1 2 3 4 5; do
    pooled=$(free_port)
    cat >"$dir/pgbouncer.ini" <<CONF
[databases]
* = host=127.0.0.1 port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooled
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 10
max_client_conn = 500
CONF
    own
    "${as_server[@]}" "$pgbouncer" "$dir/pgbouncer.ini" >"$dir/pgbouncer.log" 2>&1 &
    bouncer_pid=$!
    for _ in $(seq 50); do
        if ask "$pooled" "SELECT 1" >/dev/null 2>&1; then
            break 2
        fi
        kill -0 "$bouncer_pid" 2>/dev/null || break
        sleep 0.1
    done
    kill "$bouncer_pid" 2>/dev/null || true
    bouncer_pid=
done
[[ -n $bouncer_pid ]] || { tail -20 "$dir/pgbouncer.log" >&2; die "PgBouncer did not start"; }

base=postgres://passkeyd:$password@127.0.0.1
export TEST_POSTGRES=$base:$port/passkeyd
export TEST_POSTGRES_SERIALIZABLE=$base:$port/serializable
export TEST_PGBOUNCER=$base:$pooled/passkeyd
export TEST_POSTGRES_DIR=$dir
"$@"
