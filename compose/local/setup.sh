#!/usr/bin/env bash
# Everything a bare Debian or Ubuntu machine needs to build and run this project. Safe to run again: says nothing
# when nothing is to do. EASEL_SETUP_APT=0 keeps it from installing system packages.
#
#   setup.sh             all steps
#   setup.sh STEP...     only these: packages toolchain libtorch build
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/lib/common.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/lib/packages.sh"

step_packages() {
    local missing extras
    mapfile -t missing < <(missing_packages)
    mapfile -t extras < <(missing_extras)
    [ $((${#missing[@]} + ${#extras[@]})) -gt 0 ] || return 0

    if may_install; then
        say "system packages: installing ${missing[*]} ${extras[*]}"
        [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
        [ ${#extras[@]} -eq 0 ] || install_packages "${extras[@]}"
    fi

    mapfile -t missing < <(missing_packages)
    if [ ${#missing[@]} -gt 0 ]; then
        fail 'system packages' "missing: ${missing[*]}" \
            "install them by hand, for example: sudo apt-get install ${missing[*]}
(PostgreSQL must be 15 or newer, RabbitMQ 3.10 or newer; on a release with older ones use the packages
of postgresql.org and rabbitmq.com. EASEL_POSTGRES_BIN and EASEL_RABBITMQ_HOME name other places.)" "${APT_LOG:-}"
    fi
    mapfile -t extras < <(missing_extras)
    if [ ${#extras[@]} -gt 0 ]; then
        say "system packages: without ${extras[*]} the browser test is skipped (sudo apt-get install ${extras[*]})"
    fi
}

step_toolchain() {
    have cargo || [ ! -x "$HOME/.cargo/bin/cargo" ] || PATH="$HOME/.cargo/bin:$PATH"
    have cargo || fail 'rust toolchain' 'no cargo on the PATH' \
        'install rustup (https://rustup.rs); it then fetches the version that rust-toolchain.toml names'
    local error
    if ! error=$(cd "$EASEL_REPO" && cargo --version 2>&1); then
        fail 'rust toolchain' "$error" \
            "run: rustup toolchain install $(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$EASEL_REPO/rust-toolchain.toml") --component rustfmt,clippy"
    fi
}

step_libtorch() {
    [ -e "$here/libtorch.sh" ] || return 0
    "$here/libtorch.sh"
}

# Nothing to do takes a second; whoever waits longer is told for what.
build_quietly() {
    local build notice status=0
    (cd "$EASEL_REPO" && exec cargo build --locked --workspace --bins) >"$1" 2>&1 &
    build=$!
    (sleep 5 && kill -0 "$build" 2>/dev/null && say 'build: compiling (from nothing this takes several minutes)') &
    notice=$!
    wait "$build" || status=$?
    kill "$notice" 2>/dev/null || true
    return $status
}

step_build() {
    local log
    log=$(mktemp -t easel-build.XXXXXX)
    # Cargo's own progress goes to a person at a terminal; elsewhere only a failure is worth reading.
    if [ -t 2 ]; then
        (cd "$EASEL_REPO" && cargo build --locked --workspace --bins) ||
            fail 'build' 'cargo build failed' 'read the compiler messages above'
    elif ! build_quietly "$log"; then
        fail 'build' 'cargo build failed' 'read the compiler messages above; the whole log lies beside them' "$log"
    fi
    rm -f "$log"
}

[ $# -gt 0 ] || set -- packages toolchain libtorch build
for step in "$@"; do
    case $step in
        packages | toolchain | libtorch | build) "step_$step" ;;
        *) bad_usage "setup.sh: unknown step '$step'; known: packages toolchain libtorch build" ;;
    esac
done
