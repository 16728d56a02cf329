#!/usr/bin/env bash
# Tries the local stack itself, with the real servers: starting, stopping, two side by side, a crash's leftovers, and
# what each server is for. Uses stacks of its own and takes them down again. About half a minute.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/lib/common.sh"

# The names carry this process's id, so that two runs on one machine do not meet.
FIRST=selftest-a-$$
SECOND=selftest-b-$$
ROOT=${EASEL_STACK_ROOT:-/var/tmp/easel-$(id -u)}
SCRATCH=$(mktemp -d -t easel-selftest.XXXXXX)

leave() {
    local status=$? name
    trap '' EXIT INT TERM
    for name in "$FIRST" "$SECOND"; do
        "$here/stack" remove --name "$name" || true
    done
    rm -rf "$SCRATCH"
    exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# expect WHAT WANTED GOT
expect() {
    [ "$2" = "$3" ] || fail 'stack selftest' "$1: expected '$2', got '$3'" 'look at compose/local/stack and its lib/'
    say "ok   $1"
}

stack() {
    EASEL_QUIET=1 "$here/stack" "$@"
}

# value NAME KEY: from a stack's environment.
value() {
    stack env --name "$1" | sed -n "s/^$2=//p"
}

status_of() {
    curl -s --path-as-is -m 10 -o /dev/null -w '%{http_code}' "$@"
}

# signed NAME URL OPTIONS...: a request signed with that stack's account; prints the status.
signed() {
    local name=$1 url=$2
    shift 2
    status_of --aws-sigv4 aws:amz:us-east-1:s3 -u "$(value "$name" EASEL_S3__ACCESS_KEY):$(value "$name" EASEL_S3__SECRET_KEY)" \
        "$@" "$url"
}

put() {
    signed "$1" "$(value "$1" EASEL_S3__ENDPOINT)/easel/$2" -T "$SCRATCH/picture" -H 'content-type: image/png' \
        -H "x-amz-content-sha256: $(sha256sum "$SCRATCH/picture" | cut -d' ' -f1)" \
        -H 'cache-control: public, max-age=31536000, immutable'
}

check_database() {
    local psql
    psql=$(. "$here/lib/packages.sh" && postgres_bin)/psql
    expect 'the platform may use its database' 1 "$("$psql" -At -c 'select 1' "$(value "$1" EASEL_DATABASE__URL)")"
    expect 'a test may make a database' 'CREATE DATABASE' \
        "$("$psql" -At -c 'create database selftest' "$(value "$1" EASEL_TEST_DATABASE_URL)")"
    "$psql" -q -c 'drop database selftest' "$(value "$1" EASEL_TEST_DATABASE_URL)"
}

check_broker() {
    local api
    api=$(value "$1" EASEL_BROKER__MANAGEMENT_URL)/api
    expect 'a quorum queue can be declared' 201 "$(status_of -X PUT -H 'content-type: application/json' \
        --data '{"durable":true,"arguments":{"x-queue-type":"quorum"}}' "$api/queues/easel/selftest")"
    expect 'a virtual host can be made' 201 "$(status_of -X PUT "$api/vhosts/selftest")"
}

check_pictures() {
    local s3 cdn
    s3=$(value "$1" EASEL_S3__ENDPOINT)/easel
    cdn=$(value "$1" EASEL_CDN__BASE_URL)
    printf 'not really a picture' >"$SCRATCH/picture"
    expect 'a signed PUT is accepted' '200 200' "$(put "$1" public/a.png) $(put "$1" private/b.png)"
    expect 'an unsigned PUT is refused' 403 "$(status_of -T "$SCRATCH/picture" "$s3/public/c.png")"
    expect 'a wrong secret is refused' 403 "$(status_of --aws-sigv4 aws:amz:us-east-1:s3 \
        -u "$(value "$1" EASEL_S3__ACCESS_KEY):wrong" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$s3/private/b.png")"
    expect 'a public object is read through the CDN unsigned' 200 "$(status_of "$cdn/public/a.png")"
    expect 'and is marked as never changing' 'public, max-age=31536000, immutable' \
        "$(curl -s -o /dev/null -D - "$cdn/public/a.png" | tr -d '\r' | sed -n 's/^cache-control: //Ip')"
    expect 'a reader who has it is told so' 304 \
        "$(status_of -H "if-none-match: \"$(md5sum "$SCRATCH/picture" | cut -d' ' -f1)\"" "$cdn/public/a.png")"
    expect 'a private object is not read unsigned' '403 403' \
        "$(status_of "$s3/private/b.png") $(status_of "$cdn/private/b.png")"
    expect 'nor by climbing out of the public ones' '400 400 403 403' \
        "$(status_of "$s3/public/../private/b.png") $(status_of "$s3/public/%2e%2e/private/b.png") $(
        )$(status_of "$cdn/public/../private/b.png") $(status_of "$cdn/public/%2e%2e/private/b.png")"
    expect 'nothing is written through the CDN' 403 "$(status_of -T "$SCRATCH/picture" "$cdn/public/d.png")"
}

check_leftovers() {
    local server
    for server in postgres broker s3 cdn; do stack kill "$server" --name "$1"; done
    expect 'nothing answers after kill -9' 1 "$(stack status --name "$1" >/dev/null && echo 0 || echo 1)"
    # A process id in a leftover file that now belongs to a stranger, this script for one.
    sed -i "1s/.*/$$/" "$ROOT/$1/postgres/data/postmaster.pid"
    stack up --name "$1"
    expect 'after kill -9 of all, up brings it back' 0 "$(stack status --name "$1" >/dev/null && echo 0 || echo 1)"
    expect 'with its objects' 200 "$(status_of "$(value "$1" EASEL_CDN__BASE_URL)/public/a.png")"
}

check_run() {
    local status=0
    stack run --name "$1" -- sh -c 'printenv EASEL_TEST_DATABASE_URL >/dev/null && exit 7' || status=$?
    expect "run hands on the command's exit code" 7 "$status"
    expect 'and takes down what it started' 1 "$(stack status --name "$1" >/dev/null && echo 0 || echo 1)"
}

stack up --name "$FIRST" &
stack run --name "$SECOND" -- "$here/stack" status --name "$SECOND" >"$SCRATCH/second"
wait $!
expect 'a second stack runs beside the first' 4 "$(grep -c ' answers$' "$SCRATCH/second")"
check_database "$FIRST"
check_broker "$FIRST"
check_pictures "$FIRST"
check_leftovers "$FIRST"
stack up --name "$FIRST"
stack down --name "$FIRST"
stack down --name "$FIRST"
check_run "$FIRST"
say 'the local stack does what it should'
