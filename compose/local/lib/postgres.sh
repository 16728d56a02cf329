# shellcheck shell=bash
# A private PostgreSQL: its own data directory, TCP on localhost only, passwords for everyone.

# PostgreSQL refuses to run as root; the package's own account, or nobody, does it then.
postgres_account() {
    local name
    for name in ${EASEL_POSTGRES_ACCOUNT:-} postgres nobody; do
        if id -u "$name" >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid "$(id -u "$(postgres_account)")" --regid "$(id -g "$(postgres_account)")" --clear-groups -- "$@")
    else
        "$@"
    fi
}

postgres_dir() {
    printf '%s\n' "$STACK_DIR/postgres"
}

postgres_log() {
    printf '%s\n' "$STACK_DIR/log/postgres.log"
}

make_postgres() {
    local dir log bin
    dir=$(postgres_dir)
    log=$(postgres_log)
    bin=$(postgres_bin)
    [ ! -e "$dir/complete" ] || return 0
    # An earlier attempt was interrupted: nothing in it was ever used.
    rm -rf "$dir"
    mkdir -m 700 "$dir"
    (umask 077 && printf '%s' "$SECRET_POSTGRES_ADMIN" >"$dir/password")
    [ "$(id -u)" != 0 ] || chown -R "$(postgres_account)" "$dir"
    as_postgres env LC_ALL=C "$bin/initdb" --pgdata "$dir/data" --username postgres --pwfile "$dir/password" \
        --auth scram-sha-256 --encoding UTF8 --locale C --no-instructions --no-sync >>"$log" 2>&1 ||
        fail 'postgres' 'initdb failed' "read the log; --fresh starts over" "$log"
    rm -f "$dir/password"
}

# The durable settings are PostgreSQL's defaults; a stack for tests trades them for speed, because its data is
# thrown away with it. What `make demo` has once served stays durable.
postgres_settings() {
    local setting durability
    if [ -e "$STACK_DIR/durable" ]; then
        durability=''
    else
        durability='fsync=off synchronous_commit=off full_page_writes=off'
    fi
    for setting in listen_addresses=127.0.0.1 "port=$(port postgres)" unix_socket_directories= \
        max_connections=300 shared_buffers=64MB log_min_messages=warning timezone=UTC $durability; do
        printf -- '-c %s ' "$setting"
    done
}

# sql ROLE PASSWORD DATABASE: statements from stdin, answers bare on stdout.
sql() {
    PGPASSWORD=$2 PGCONNECT_TIMEOUT=3 "$(postgres_bin)/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -p "$(port postgres)" -U "$1" -d "$3"
}

postgres_answers() {
    [ "$(echo 'select 1' | sql postgres "$SECRET_POSTGRES_ADMIN" postgres 2>/dev/null)" = 1 ]
}

start_postgres() {
    make_postgres
    local dir
    dir=$(postgres_dir)
    # No server of this directory runs (the caller looked); a leftover lock would make the new one distrust a process
    # that merely got the old one's number.
    ! no_processes postgres "$dir/data" || as_postgres rm -f "$dir/data/postmaster.pid"
    # shellcheck disable=SC2046 # one word per setting
    as_postgres_detached "$(postgres_bin)/postgres" -D "$dir/data" $(postgres_settings)
}

as_postgres_detached() {
    if [ "$(id -u)" = 0 ]; then
        # That account cannot open our log, but it inherits the open file.
        detached "$(postgres_dir)/data" "$(postgres_log)" LC_ALL=C setpriv --reuid "$(id -u "$(postgres_account)")" \
            --regid "$(id -g "$(postgres_account)")" --clear-groups -- "$@"
    else
        detached "$(postgres_dir)/data" "$(postgres_log)" LC_ALL=C "$@"
    fi
}

# Killed together with its children, the old server may hold its memory for a moment longer: try again then.
postgres_answers_or_restarts() {
    postgres_answers && return 0
    if [ "$(grep -c 'pre-existing shared memory block' "$(postgres_log)")" -gt "${POSTGRES_RESTARTS:-0}" ] && ! postgres_runs; then
        POSTGRES_RESTARTS=$((${POSTGRES_RESTARTS:-0} + 1))
        start_postgres
    fi
    return 1
}

await_postgres() {
    await 'postgres' 60 postgres_answers_or_restarts postgres_runs "$(postgres_log)"
    [ ! -e "$(postgres_dir)/complete" ] || return 0
    sql postgres "$SECRET_POSTGRES_ADMIN" postgres >/dev/null <<SQL || fail 'postgres' 'making the role and the database failed' \
        'read the log; "stack up --fresh" starts over' "$(postgres_log)"
select 'create role easel login' where not exists (select from pg_roles where rolname = 'easel') \gexec
alter role easel password '$SECRET_POSTGRES_APP';
select 'create database easel owner easel' where not exists (select from pg_database where datname = 'easel') \gexec
SQL
    touch "$(postgres_dir)/complete"
}

postgres_runs() {
    ! no_processes postgres "$(postgres_dir)/data"
}

# INT to the first process is the fast shutdown: sessions are ended, the data is left clean.
stop_postgres() {
    local dir
    dir=$(postgres_dir)/data
    end_processes postgres "$dir" INT 30 "$(head -n 1 "$dir/postmaster.pid" 2>/dev/null || true)"
}

kill_postgres() {
    end_processes postgres "$(postgres_dir)/data" KILL 10
}
