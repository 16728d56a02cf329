# shellcheck shell=bash
# The platform's own processes over a stack: starting them in order, waiting until each says that it is ready, keeping
# them alive, and stopping all of them. Needs state.sh and environment.sh.

# In the order they are started.
PROCESSES='playground dispatcher gpu-node bot'

# How often a process may die within a minute before it is left dead.
MAX_RESTARTS=5

process_port() {
    case $1 in
        playground) port 10 ;;
        bot) port 11 ;;
        dispatcher) port 12 ;;
        gpu-node) port 13 ;;
    esac
}

process_url() {
    printf 'http://127.0.0.1:%s\n' "$(process_port "$1")"
}

process_dir() {
    printf '%s\n' "$STACK_DIR/run/$1"
}

process_log() {
    printf '%s\n' "$STACK_DIR/log/$1.log"
}

process_binary() {
    local target=${CARGO_TARGET_DIR:-$EASEL_REPO/target}
    case $target in /*) ;; *) target=$EASEL_REPO/$target ;; esac
    printf '%s\n' "$target/debug/easel-$1"
}

process_runs() {
    ! no_processes "easel-$1" "$(process_dir "$1")"
}

process_is_ready() {
    local path=/health/ready
    # The stand-in is no service of the platform; its page is all there is to ask for.
    [ "$1" != playground ] || path=/
    [ "$(http_status "$(process_url "$1")$path")" = 200 ]
}

# serves_discord: the real one, because a token was given.
serves_discord() {
    [ -n "${DISCORD_TOKEN:-}" ]
}

# wanted_processes: all of them, but no stand-in where the real Discord is served.
wanted_processes() {
    local name
    for name in $PROCESSES; do
        [ "$name" = playground ] && serves_discord || printf '%s\n' "$name"
    done
}

# process_environment NAME: what it is told, and no more than it needs.
process_environment() {
    local listen
    listen=127.0.0.1:$(process_port "$1")
    case $1 in
        playground)
            printf 'EASEL_PLAYGROUND__LISTEN=%s\n' "$listen"
            printf 'EASEL_PLAYGROUND__TOKEN=%s\n' "$PLAYGROUND_TOKEN"
            printf 'EASEL_PLAYGROUND__STATE=%s\n' "$(process_dir playground)"
            ;;
        dispatcher)
            printf 'EASEL_HTTP__LISTEN=%s\n' "$listen"
            print_environment | grep -v '^EASEL_TEST_'
            ;;
        gpu-node)
            # It sees neither the database nor the storage: what it may read and write is granted picture by picture.
            printf 'EASEL_HTTP__LISTEN=%s\n' "$listen"
            cat "$(process_dir gpu-node)/account.env"
            printf 'EASEL_NODE__ID=%s\n' "$(node_id)"
            printf 'EASEL_NODE__MODEL=%s\n' "${EASEL_NODE__MODEL:-$EASEL_REPO/models/easel-tiny}"
            # Set to nothing, it has no eyes.
            local eyes=${EASEL_NODE__DESCRIBE-$EASEL_REPO/models/easel-eyes}
            [ -z "$eyes" ] || printf 'EASEL_NODE__DESCRIBE=%s\n' "$eyes"
            ;;
        bot)
            printf 'EASEL_HTTP__LISTEN=%s\n' "$listen"
            print_environment | grep -E '^EASEL_(DATABASE|BROKER|CDN)__'
            if ! serves_discord; then
                printf 'EASEL_DISCORD_API=%s\n' "$(process_url playground)"
                printf 'DISCORD_TOKEN=%s\n' "$PLAYGROUND_TOKEN"
                # On this machine nobody but its user gives or sees pictures.
                print_environment | grep -E '^EASEL_S3__'
                printf 'EASEL_INPUTS__UNCHECKED=true\n'
            fi
            ;;
    esac
}

node_id() {
    printf '%s\n' "${EASEL_NODE__ID:-local-1}"
}

# make_node_account: the node speaks to the broker with an account of its own, which reaches its inbox and nothing else.
make_node_account() {
    local environment dir
    dir=$(process_dir gpu-node)
    mkdir -p "$dir"
    mapfile -t environment < <(print_environment | grep '^EASEL_BROKER__')
    (
        export "${environment[@]}"
        "$(process_binary dispatcher)" add-node "$(node_id)" --out "$dir/account.env"
    ) >>"$(process_log gpu-node)" 2>&1 ||
        fail 'gpu-node' 'its broker account could not be made' 'read the log' "$(process_log gpu-node)"
}

# start_process NAME: in the background; its pid is in PIDS.
start_process() {
    local name=$1 environment dir arguments=(run)
    dir=$(process_dir "$name")
    [ "$name" != playground ] || arguments=()
    mkdir -p "$dir"
    mapfile -t environment < <(process_environment "$name")
    # By the environment and not by arguments, which everyone on the machine can read. In a session of its own, so that
    # Ctrl-C reaches only us, and not a job of this shell, which would report its end.
    (
        export "${environment[@]}"
        cd "$dir" || exit 1
        exec setsid "$(process_binary "$name")" "${arguments[@]}"
    ) >>"$(process_log "$name")" 2>&1 </dev/null 7>&- &
    PIDS[$name]=$!
    disown
}

await_process() {
    local name=$1 began=$SECONDS
    until process_is_ready "$name"; do
        if ! kill -0 "${PIDS[$name]}" 2>/dev/null; then
            fail "$name" 'it ended while starting' 'read the log' "$(process_log "$name")"
        fi
        [ $((SECONDS - began)) -lt "${EASEL_READY_SECONDS:-120}" ] ||
            fail "$name" 'it is not ready after two minutes' "read the log, and what $(process_url "$name")/health/ready answers" \
                "$(process_log "$name")"
        sleep 0.05
    done
}

# start_platform: leftovers of a killed run go first, then everything in order.
start_platform() {
    local name
    declare -gA PIDS=() DEATHS=()
    PLAYGROUND_TOKEN=$(playground_token)
    stop_leftovers
    for name in $(wanted_processes); do
        [ -x "$(process_binary "$name")" ] || fail "$name" "$(process_binary "$name") is not there" 'run: make setup'
        [ ! -e "$(process_log "$name")" ] || : >"$(process_log "$name")"
    done
    make_node_account
    for name in $(wanted_processes); do
        start_process "$name"
        # The bot asks the stand-in for its gateway first thing; the others find each other in any order.
        [ "$name" != playground ] || await_process playground
    done
    for name in $(wanted_processes); do await_process "$name"; done
}

# supervise: a process that dies is started again, unless it keeps dying. Returns only when a signal ends the script,
# or fails when one is given up.
supervise() {
    local process
    while true; do
        for process in "${!PIDS[@]}"; do
            ! kill -0 "${PIDS[$process]}" 2>/dev/null || continue
            DEATHS[$process]="${DEATHS[$process]:-} $SECONDS"
            if [ "$(recent_deaths "$process")" -gt $MAX_RESTARTS ]; then
                fail "$process" "it died $MAX_RESTARTS times within a minute" 'read the log' "$(process_log "$process")"
            fi
            say "$process ended; starting it again"
            start_process "$process"
        done
        sleep 0.25
    done
}

recent_deaths() {
    local at count=0
    for at in ${DEATHS[$1]}; do
        [ $((SECONDS - at)) -ge 60 ] || count=$((count + 1))
    done
    printf '%s\n' "$count"
}

# stop_platform: those who make work first, those who do it last. Each is given time to hand back what it holds.
stop_platform() {
    local name
    for name in bot gpu-node dispatcher playground; do
        end_processes "easel-$name" "$(process_dir "$name")" TERM 20
    done
}

stop_leftovers() {
    local name
    for name in $PROCESSES; do
        end_processes "easel-$name" "$(process_dir "$name")" KILL 5
    done
}
