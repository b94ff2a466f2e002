# Sourced by the scripts that start PostgreSQL servers of their own. Those run as the user postgres if the caller is root, and need
# no packaged service.
# PG_BIN names the directory of another build of the server.
export LC_ALL=C.UTF-8

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Sets $bin, the directory of initdb, pg_ctl and postgres, and $psql.
find_postgres() {
    bin=${PG_BIN:-}
    local version
    for version in 18 17 16 15 14; do
        if [[ -z $bin && -x /usr/lib/postgresql/$version/bin/initdb ]]; then
            bin=/usr/lib/postgresql/$version/bin
        fi
    done
    [[ -n $bin ]] || die "PostgreSQL is not installed: apt-get install postgresql"
    psql=$bin/psql
    [[ -x $psql ]] || psql=$(command -v psql) || die "psql is not installed: apt-get install postgresql-client"
}

# A server does not run as root.
as_server=()
if [[ $(id -u) == 0 ]]; then
    as_server=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

# Gives files to the user of the server.
own() {
    [[ ${#as_server[@]} == 0 ]] || chown -R postgres:postgres "$@"
}

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

# make_cluster DIR DATA: files of a new server in DATA, and a password in DIR/password. The settings follow on the standard input.
make_cluster() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$1/password"
    own "$1"
    "${as_server[@]}" "$bin/initdb" -D "$2" -U passkeyd --pwfile="$1/password" --auth=scram-sha-256 -E UTF8 \
        --locale=C.UTF-8 --no-sync >"$1/initdb.log" 2>&1 || { cat "$1/initdb.log" >&2; die "initdb failed"; }
    cat >>"$2/postgresql.conf"
}

# ask PORT STATEMENT: the rows. Needs $password.
ask() {
    PGPASSWORD=$password PGCONNECT_TIMEOUT=3 "$psql" -qXAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" -U passkeyd -d postgres -c "$2"
}
