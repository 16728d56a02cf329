# shellcheck shell=bash
# What every script here shares: messages, failing with advice, waiting for a condition, finding processes.
# Sourced, never run.

# shellcheck disable=SC2034 # read by those who source this
EASEL_REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)

# say TEXT...: one line for the person watching. stderr, because stdout belongs to the command's result.
say() {
    [ -n "${EASEL_QUIET:-}" ] || printf '%s\n' "$*" >&2
}

# fail STEP WHAT ADVICE [LOG]: stop with the step's name, what went wrong, the log's last lines and what to do.
fail() {
    local step=$1 what=$2 advice=$3 log=${4:-}
    printf '\n%s: %s\n' "$step" "$what" >&2
    if [ -n "$log" ] && [ -s "$log" ]; then
        printf -- '--- last lines of %s\n' "$log" >&2
        tail -n 20 "$log" >&2
        printf -- '---\n' >&2
    fi
    printf 'what to do: %s\n' "$advice" >&2
    exit 1
}

# bad_usage TEXT: exit 2, as every program of this project does.
bad_usage() {
    printf '%s\n' "$*" >&2
    exit 2
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# wait_until SECONDS COMMAND...: ask again every 50 ms until the command says yes or the deadline passes.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# await STEP SECONDS ANSWERS RUNS LOG: until the function ANSWERS says yes. A server that has gone (RUNS says no, after
# two seconds to appear) is not waited for.
await() {
    local step=$1 seconds=$2 answers=$3 runs=$4 log=$5 began=$SECONDS
    until "$answers"; do
        if [ $((SECONDS - began)) -gt 2 ] && ! "$runs"; then
            fail "$step" 'it ended while starting' 'read the log; "stack up --fresh" starts with empty data' "$log"
        fi
        [ $((SECONDS - began)) -lt "$seconds" ] ||
            fail "$step" "no answer within $seconds s" 'read the log; "stack up --fresh" starts with empty data' "$log"
        sleep 0.05
    done
}

# random_secret: 32 hex digits, safe in a URL, a shell and a config file.
random_secret() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# A token has three parts, the first of which is the bot's id; this one is worth nothing anywhere else.
playground_token() {
    printf '%s.local.%s\n' "$(printf 100000000000000001 | base64 | tr -d '=\n')" "$(random_secret)"
}

# port_taken PORT: something on this machine listens there.
port_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# processes NAME DIR: ids of the living processes of that program whose working directory is DIR. Each server runs in a
# directory of its own and is known by it, its children too. A pid file outlives a killed process and may then name a
# stranger; a command line is rewritten by servers that show their state in it.
processes() {
    local link pid name
    # Processes of other accounts cannot be read, and some end meanwhile; both are not ours.
    find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$2" -o -lname "$2 (deleted)" \) 2>/dev/null | while read -r link; do
        pid=${link#/proc/}
        pid=${pid%/cwd}
        read -r name 2>/dev/null <"/proc/$pid/comm" || continue
        # The kernel keeps 15 characters of a name; a thread may have added to it.
        case $name in "${1:0:15}"*) printf '%s\n' "$pid" ;; esac
    done
    return 0
}

no_processes() {
    [ -z "$(processes "$1" "$2")" ]
}

# end_processes NAME DIR SIGNAL SECONDS [PID]: signal them (or only PID of them), and kill whatever is left after the
# deadline.
end_processes() {
    local name=$1 dir=$2 signal=$3 seconds=$4 only=${5:-} pids
    pids=$(processes "$name" "$dir")
    [ -n "$pids" ] || return 0
    if [ -n "$only" ] && grep -qx "$only" <<<"$pids"; then
        pids=$only
    fi
    # A process may end between the look and the signal; then there is nothing to signal.
    # shellcheck disable=SC2086 # one word per process
    kill "-$signal" $pids 2>/dev/null || true
    if ! wait_until "$seconds" no_processes "$name" "$dir"; then
        # shellcheck disable=SC2046 # one word per process
        kill -KILL $(processes "$name" "$dir") 2>/dev/null || true
        wait_until 5 no_processes "$name" "$dir" || true
    fi
}

# detached DIR LOG COMMAND...: start in that working directory and in a session of its own, so that a Ctrl-C at the
# terminal reaches the script alone, which then stops things in order. Lock descriptors (7 to 9) stay here.
detached() {
    local dir=$1 log=$2
    shift 2
    setsid env -C "$dir" "$@" >>"$log" 2>&1 </dev/null 7>&- 8>&- 9>&- &
    disown
}
